// JSON as the bytes that it is, with one member replaced or taken away and the rest untouched, to the last digit and blank.

import { ValueError } from '../../value/canonical.ts';
import { JsonLocator, type Place, textAt } from './json-text.ts';

const COMMA = 0x2c;

/** The same JSON with one member set; `literal` is JSON. What is on the path and is no object is a ValueError. */
export function withMember(bytes: Buffer, path: string, literal: string): Buffer {
  const names = path.split('.');
  const locator = locatorOn(path, bytes);
  const last = locator.places.length - 1;
  const target = locator.places[last]!;
  const replaced = (start: number, text: string, end: number) =>
    Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]);
  if (target.kind === 'through array') throw new ValueError('an array stands on its path');
  if (target.kind !== 'absent') return replaced(target.start, literal, target.end);
  // The deepest object that is there takes the rest of the path.
  let depth = last;
  while (depth > 0 && locator.places[depth - 1]!.kind === 'absent') depth--;
  const parent = depth === 0 ? locator.root : locator.places[depth - 1]!;
  const nested = (from: number): string =>
    from > last ? literal : `{${JSON.stringify(names[from])}:${nested(from + 1)}}`;
  if (parent.kind === 'null') return replaced(parent.start, nested(depth), parent.end);
  if (parent.kind !== 'object') throw new ValueError(`a ${parent.kind} stands on its path`);
  const member = `${parent.members > 0 ? ',' : ''}${JSON.stringify(names[depth])}:${nested(depth + 1)}`;
  return replaced(parent.end - 1, member, parent.end - 1);
}

/** The same JSON with one member as it is in `old`, away where it is away there. What is on the path and is no object is a ValueError. */
export function withMemberOf(bytes: Buffer, path: string, old: Buffer): Buffer {
  const before = locatorOn(path, old).places;
  const member = before.at(-1)!;
  if (member.kind !== 'absent') return withMember(bytes, path, textAt(old, member));
  const now = locatorOn(path, bytes).places;
  if (now.at(-1)!.kind === 'absent') return bytes;
  if (now.at(-1)!.kind === 'through array') throw new ValueError('an array stands on its path');
  // With it go the objects around it that hold nothing else and were not there before.
  let depth = now.length - 1;
  while (depth > 0 && before[depth - 1]!.kind === 'absent' && now[depth - 1]!.members === 1) depth--;
  const parent = depth === 0 ? undefined : before[depth - 1]!;
  if (parent?.kind === 'null' && now[depth - 1]!.members === 1) {
    return withMember(bytes, path.split('.').slice(0, depth).join('.'), 'null');
  }
  return withoutMember(bytes, now[depth]!);
}

/** Of all that are named on the way to a path, the outermost first. */
function locatorOn(path: string, bytes: Buffer): JsonLocator {
  const names = path.split('.');
  const locator = new JsonLocator(names.map((_, i) => names.slice(0, i + 1).join('.')));
  locator.locate(bytes);
  return locator;
}

/** With the comma before it, or, of the first member, the one behind it. */
function withoutMember(bytes: Buffer, { nameStart, end: valueEnd }: Place): Buffer {
  const isSpace = (at: number) => ' \n\r\t'.includes(String.fromCharCode(bytes[at]!));
  let start = nameStart;
  let end = valueEnd;
  while (isSpace(start - 1)) start--;
  if (bytes[start - 1] === COMMA) start--;
  else {
    start = nameStart;
    let next = end;
    while (isSpace(next)) next++;
    if (bytes[next] === COMMA) {
      end = next + 1;
      while (isSpace(end)) end++;
    }
  }
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
}
