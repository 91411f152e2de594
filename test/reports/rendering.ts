// Renders to one string, and checks what any output has to keep: line widths, clean characters, well-formed XML.

import { type ReportFormat, renderers } from '../../reports/index.ts';
import { displayWidth } from '../../reports/text.ts';
import type { Report } from '../../src/report/report.ts';

export async function render(report: Report, format: ReportFormat, width = 80, colour = false): Promise<string> {
  async function* findings() {
    for (const replica of report.replicas) yield* replica.findings;
  }
  let text = '';
  for await (const piece of renderers[format](report, { width, colour, findings })) text += piece;
  return text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what starts a colour
const COLOUR = /\u001b\[\d+m/g;

export function withoutColour(text: string): string {
  return text.replace(COLOUR, '');
}

export function longestLine(text: string): number {
  return Math.max(...withoutColour(text).split('\n').map(displayWidth));
}

/** Controls, bidirectional overrides, zero-width and unpaired characters: what no terminal should be sent but line ends. */
export function rawControls(text: string): string[] {
  return text.match(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu) ?? [];
}

const TOKEN =
  /<\?xml [^?]*\?>|<\/([\w.-]+)>|<([\w.-]+)((?:\s+[\w.-]+="(?:[^<&"]|&(?:amp|lt|gt|quot|#\d+);)*")*)\s*(\/?)>|[^<]+/gy;
const TEXT = /^(?:[^&]|&(?:amp|lt|gt|quot|#\d+);)*$/;
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** The elements by path and attributes of a well-formed document; throws for any other. Knows what this project writes, no more. */
export function parseXml(xml: string): readonly { path: string; attributes: Record<string, string> }[] {
  if (FORBIDDEN.test(xml)) throw new Error('a character that XML 1.0 forbids');
  const elements: { path: string; attributes: Record<string, string> }[] = [];
  const open: string[] = [];
  let at = 0;
  while (at < xml.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(xml);
    if (!token) throw new Error(`not XML at ${at}: ${xml.slice(at, at + 60)}`);
    const [text, closing, name, attributes, empty] = token;
    if (closing !== undefined) {
      if (open.pop() !== closing) throw new Error(`</${closing}> closes nothing`);
    } else if (name !== undefined) {
      const pairs = [...attributes!.matchAll(/([\w.-]+)="([^"]*)"/g)].map((pair) => [pair[1]!, pair[2]!]);
      elements.push({ path: [...open, name].join('/'), attributes: Object.fromEntries(pairs) });
      if (!empty) open.push(name);
    } else if (!text.startsWith('<?')) {
      if (!TEXT.test(text) || text.includes(']]>')) throw new Error(`bad text: ${text.slice(0, 60)}`);
      if (open.length === 0 && text.trim() !== '') throw new Error('text outside the root');
    }
    at += text.length;
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join('/')}`);
  return elements;
}
