// The exact rule: whether two canonical values are equal under a field's rules. It decides what the hash only nominates.

import type { Field, Row } from '../mapping/mapping.ts';
import { microsOf } from './canonical.ts';
import type { Value } from './field-type.ts';

export function sameValue(field: Field, source: Value, replica: Value): boolean {
  if (source === replica) return true;
  if (field.emptyIsNull && (source ?? '') === (replica ?? '')) return true;
  if (source === null || replica === null) return false;
  if (field.tolerance !== undefined) return withinTolerance(field, field.tolerance, source, replica);
  return field.ignoreCase === true && source.toLowerCase() === replica.toLowerCase();
}

/** Indexes into `fields` of the values that differ. */
export function differingFields(fields: readonly Field[], source: Row, replica: Row): number[] {
  const differing: number[] = [];
  for (let i = 0; i < fields.length; i++) {
    if (!sameValue(fields[i]!, source.values[i]!, replica.values[i]!)) differing.push(i);
  }
  return differing;
}

/** Versions in their own order: numbers and times by size, anything else as text. */
export function compareVersions(field: Field, a: string, b: string): number {
  switch (field.type.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      return a === b ? 0 : compareDecimals(a, b);
    case 'timestamp': {
      const [left, right] = [microsOf(a), microsOf(b)];
      return left < right ? -1 : left > right ? 1 : 0;
    }
    default:
      return a < b ? -1 : a > b ? 1 : 0;
  }
}

function withinTolerance(field: Field, tolerance: number, a: string, b: string): boolean {
  if (field.type.kind === 'timestamp') {
    const [left, right] = [microsOf(a), microsOf(b)];
    if (typeof left !== 'bigint' || typeof right !== 'bigint') return false;
    const distance = left > right ? left - right : right - left;
    return distance <= BigInt(Math.floor(tolerance));
  }
  if (field.type.kind === 'float' || !isPlain(a) || !isPlain(b)) return Math.abs(Number(a) - Number(b)) <= tolerance;
  const scale = Math.max(scaleOf(a), scaleOf(b), 20);
  const distance = scaled(a, scale) - scaled(b, scale);
  return (distance < 0n ? -distance : distance) <= scaled(tolerance.toFixed(20), scale);
}

function compareDecimals(a: string, b: string): number {
  if (!isPlain(a) || !isPlain(b)) return Math.sign(Number(a) - Number(b));
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const [left, right] = [scaled(a, scale), scaled(b, scale)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function isPlain(text: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(text);
}

function scaleOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function scaled(text: string, scale: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(scale - scaleOf(text)));
}
