// From canonical values to the texts that Redis holds, spelled as the replica spells them already. What the spelling can't hold exactly is
// a ValueError: nothing is rounded on the way.

import type { Field } from '../../mapping/mapping.ts';
import { microsOf, ValueError } from '../../value/canonical.ts';
import { decodeText } from './decode.ts';

/** `sample` is what the field holds, here or in another record. The text reads back as the value. */
export function encodeText(field: Field, value: string, sample?: string): string {
  const text = mappedText(field, value) ?? spelled(field, value, sample);
  if (readsAs(field, text, value)) return text;
  const plain = spelled(field, value, undefined);
  if (readsAs(field, plain, value)) return plain;
  throw new ValueError(field.storedAs === undefined ? 'it can’t be held' : `it can’t be held as ${field.storedAs}`);
}

/** As `encodeText`; bytes where the field is kept as such. */
export function encodeBytes(field: Field, value: string, sample?: string): string | Buffer {
  if (field.type.kind === 'bytes' && field.storedAs === 'binary') return Buffer.from(value, 'hex');
  return encodeText(field, value, sample);
}

function readsAs(field: Field, text: string, value: string): boolean {
  try {
    return decodeText(field, text) === value;
  } catch (error) {
    if (error instanceof ValueError) return false;
    throw error;
  }
}

/** The spelling that the config's map gives. */
function mappedText({ map }: Field, value: string): string | undefined {
  if (map === undefined) return undefined;
  for (const mapped of map.values()) if (String(mapped) === value) return String(mapped);
  return undefined;
}

function spelled({ type, storedAs }: Field, value: string, sample: string | undefined): string {
  switch (type.kind) {
    case 'boolean':
      return spelledBoolean(value, storedAs === 'number' ? '1' : sample);
    case 'timestamp':
      if (storedAs !== undefined && storedAs in UNITS) return inUnits(value, UNITS[storedAs]!);
      return storedAs === 'isoMillis' ? `${value.slice(0, -4)}Z` : spelledTime(value, sample);
    case 'date':
      return storedAs !== undefined && storedAs in UNITS
        ? inUnits(`${value}T00:00:00.000000Z`, UNITS[storedAs]!)
        : value;
    case 'uuid':
      return spelledUuid(value, sample);
    case 'bytes':
      if (storedAs === 'base64') return Buffer.from(value, 'hex').toString('base64');
      return sample?.startsWith('\\x') ? `\\x${value}` : value;
    default:
      return value;
  }
}

const UNITS: Readonly<Record<string, bigint>> = { epochSeconds: 1_000_000n, epochMillis: 1000n, epochMicros: 1n };

function inUnits(value: string, unit: bigint): string {
  const micros = microsOf(value);
  if (typeof micros !== 'bigint') throw new ValueError('it is a time without end, which no number holds');
  // What does not go into whole units does not read back, and is refused there.
  return String(micros / unit);
}

const BOOLEANS: readonly (readonly [yes: string, no: string])[] = [
  ['1', '0'],
  ['True', 'False'],
  ['TRUE', 'FALSE'],
  ['t', 'f'],
  ['yes', 'no'],
  ['y', 'n'],
  ['on', 'off'],
];

function spelledBoolean(value: string, sample: string | undefined): string {
  const pair = BOOLEANS.find(([yes, no]) => sample === yes || sample === no) ?? ['true', 'false'];
  return value === 'true' ? pair[0] : pair[1];
}

/** With as many digits after the second as the sample, more where the value has more. */
function spelledTime(value: string, sample: string | undefined): string {
  if (sample === undefined || !/^\d{4}-.*Z$/.test(value)) return value;
  const style = /^\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(Z|[+-]00(?::?00)?)?$/.exec(sample);
  if (style === null) return value;
  const [, separator, digits = '', zone = ''] = style;
  const fraction = value.slice(20, 26);
  const kept = fraction.slice(0, Math.max(digits.length, fraction.replace(/0+$/, '').length));
  return `${value.slice(0, 10)}${separator}${value.slice(11, 19)}${kept === '' ? '' : `.${kept}`}${zone}`;
}

function spelledUuid(value: string, sample: string | undefined): string {
  if (sample === undefined || !/^[0-9A-Fa-f-]{32,36}$/.test(sample)) return value;
  const text = sample.includes('-') ? value : value.replaceAll('-', '');
  return /[A-F]/.test(sample) && !/[a-f]/.test(sample) ? text.toUpperCase() : text;
}
