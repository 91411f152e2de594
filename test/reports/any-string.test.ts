import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, flow, shorten, shortenMiddle } from '../../reports/text.ts';
import { command, valuePair } from '../../reports/words.ts';
import type { Report } from '../../src/report/report.ts';
import { noCounts } from '../../src/report/report.ts';
import { longestLine, parseXml, rawControls, render, withoutColour } from './rendering.ts';
import { differs, finding, HOSTILE, replica, report, samples } from './sample-reports.ts';

// Python's splitlines is the least forgiving reader of lines.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are its line ends
const LINE_END = /\r\n|[\n\r\v\f\u001c-\u001e\u0085\u2028\u2029]/;

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: fc.constantFrom('\n', '\r', '\u001b[2J', '\u2028', '\ud800', '`', '|', ']]>', '<!--', '漢', ' ') }),
);

/** A report with the same hostile text wherever data from outside can stand. */
function reportOf(a: string, b: string, commandName: Report['command']): Report {
  const name = `docs.${a}`;
  const one = (kind: 'mismatched' | 'unread' | 'stale') =>
    finding(name, b, kind, { [a]: b }, kind === 'unread' ? [] : [differs(a, b, a), differs('x', null, b, a)], {
      reason: b,
      sourceVersion: a,
      replicaVersion: b,
    });
  return report(
    [
      replica(name, b, {
        store: a,
        status: 'unproven',
        error: { where: a, message: b, hint: a },
        counts: { ...noCounts(), mismatched: 2, unread: 1, stale: 1 },
        coverage: { fields: [a], ignored: [b], skipped: [a], orphans: false, rows: b, notes: [a], maxLag: 0 },
        findings: [one('mismatched'), one('unread'), one('stale')],
        repair: {
          applied: true,
          planned: { insert: 0, update: 3, delete: 0 },
          outcomes: { written: 0, unchanged: 0, moved: 0, refused: 3 },
          left: {},
          errors: [a, b],
          verified: { read: 0, equal: 0 },
        },
      }),
    ],
    {
      command: commandName,
      verdict: 'incomplete',
      exitCode: 3,
      config: a,
      folder: b,
      problems: [{ where: b, message: a, hint: b }],
      subject: { entity: b, key: { [a]: b }, exists: true, version: a },
    },
  );
}

const reports = fc
  .tuple(text, text, fc.constantFrom<Report['command']>('check', 'reconcile', 'verify-sync'))
  .map((parts) => reportOf(...parts));

describe('any string as name, key, value or message', () => {
  it('keeps the lines of the table', async () => {
    await fc.assert(
      fc.asyncProperty(reports, fc.constantFrom(72, 80, 120), async (sample, width) => {
        const output = await render(sample, 'table', width);
        expect(rawControls(output)).toEqual([]);
        expect(longestLine(output)).toBeLessThanOrEqual(width);
        expect(output).toMatch(/ exit 3\n$/);
        expect(withoutColour(await render(sample, 'table', width, true))).toBe(output);
      }),
    );
  });

  it('keeps XML well-formed, with one case for the replica', async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (sample) => {
        const elements = parseXml(await render(sample, 'junit'));
        const cases = elements.filter((element) => element.path === 'testsuites/testsuite/testcase');
        expect(cases.filter((element) => element.attributes.name!.endsWith(' is true'))).toHaveLength(1);
      }),
    );
  });

  it('comes back from JSON as it was, a document a line in ndjson', async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (sample) => {
        const json = await render(sample, 'json');
        expect(rawControls(json).filter((character) => /\p{Cc}|\p{Zl}|\p{Zp}|\p{Cs}/u.test(character))).toEqual([]);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(sample)));
        const lines = (await render(sample, 'ndjson')).trimEnd().split(LINE_END);
        expect(lines.map((line) => JSON.parse(line).type)).toEqual(['finding', 'finding', 'finding', 'report']);
      }),
    );
  });

  it('opens no tag and no code in Markdown', async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (sample) => {
        const output = await render(sample, 'markdown');
        expect(rawControls(output)).toEqual([]);
        const lines = output.split('\n');
        let fence = '';
        for (const line of lines) {
          if (fence) {
            if (line === fence) fence = '';
          } else if (/^`{3,}text$/.test(line)) {
            fence = line.slice(0, -4);
          } else {
            expect(line.replaceAll('<br>', '')).not.toMatch(/(?<!\\)(?:\\\\)*`|</);
          }
        }
        expect(fence).toBe('');
        const rows = lines.filter((line) => line.startsWith('| '));
        expect(new Set(rows.map((row) => row.split('|').length)).size).toBe(1);
      }),
    );
  });
});

describe('shortening', () => {
  it('never exceeds its width, and leaves short text alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.integer({ min: 2, max: 40 }), (value, max) => {
        for (const cut of [shorten, shortenMiddle]) {
          expect(displayWidth(cut(value, max))).toBeLessThanOrEqual(max);
          if (displayWidth(value) <= max && value.length <= max) expect(cut(value, max)).toBe(value);
        }
      }),
    );
  });

  it('shows the first difference of two different values', () => {
    fc.assert(
      fc.property(text, text, text, fc.integer({ min: 12, max: 60 }), (start, a, b, max) => {
        fc.pre(a !== b);
        const [left, right] = valuePair(start + a, start + b, max);
        expect(displayWidth(left)).toBeLessThanOrEqual(max);
        expect(displayWidth(right)).toBeLessThanOrEqual(max);
        expect(left).not.toBe(right);
      }),
    );
  });

  it('loses no letter when it wraps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 30 })),
        fc.integer({ min: 8, max: 40 }),
        (words, width) => {
          const lines = flow(
            words.map((word) => [word]),
            width,
            ' ',
          );
          expect(lines.join('').replaceAll(' ', '')).toBe(words.join('').replaceAll(' ', ''));
          expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('a suggested command', () => {
  it('is quoted for a shell, and names the config when it is not the usual one', () => {
    expect(command(samples.drift, 'verify-sync', ['user', "o'neil; rm -rf /"])).toBe(
      "plumbline verify-sync user 'o'\\''neil; rm -rf /'",
    );
    expect(command(samples['store-down'], 'doctor', ['graph'])).toBe('plumbline doctor graph -c reservas.yaml');
    expect(command(samples.drift, 'verify-sync', ['user', '-5'])).toBe('plumbline verify-sync -- user -5');
  });

  it('is left out rather than shown with characters that a prompt would act on', () => {
    expect(command(samples.drift, 'verify-sync', ['user', 'a\nb'])).toBeUndefined();
    expect(command(samples.hostile, 'reconcile', [])).toBeUndefined();
  });
});
