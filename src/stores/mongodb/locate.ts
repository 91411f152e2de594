// Finds the mapped fields of raw documents: where each one's value lies and of which type it is. Documents of a collection mostly have
// the same fields in the same order, so the name that followed last time is tried first; no name becomes a string.

import { ABSENT, ARRAY, OBJECT, sizeOf, THROUGH_ARRAY } from './bson.ts';

interface Level {
  /** Every name met at this level (mapped or not), mapped ones first. */
  readonly known: Entry[];
  readonly first: Entry;
}

interface Entry {
  /** UTF-8, with the NUL that ends it. */
  readonly name: Uint8Array;
  slot: number;
  /** The fields below it that are mapped, and their slots. */
  below?: Level;
  slotsBelow: number[];
  /** What followed it last time. */
  next: Entry | undefined;
}

/** Past this many names, a level's unmapped ones are not remembered: documents that use data as names have no end of them. */
const NAMES_KEPT = 200;

export class Locator {
  /** By slot: the BSON type, or ABSENT or THROUGH_ARRAY. Overwritten by each `locate`. */
  readonly types: Uint8Array;
  /** By slot: where the value begins. */
  readonly offsets: Int32Array;
  private readonly slots = new Map<string, number>();
  private readonly root: Level = newLevel();

  /** `targets` are dotted paths; equal ones share a slot. */
  constructor(targets: Iterable<string>) {
    for (const target of targets) {
      if (!this.slots.has(target)) this.add(target, this.slots.size);
    }
    this.types = new Uint8Array(this.slots.size);
    this.offsets = new Int32Array(this.slots.size);
  }

  slotOf(target: string): number {
    return this.slots.get(target)!;
  }

  /** Where a name stands twice, the last one counts, as for the driver's decoder. */
  locate(bytes: Uint8Array, start: number): void {
    this.types.fill(ABSENT);
    this.walk(this.root, bytes, start);
  }

  private add(target: string, slot: number): void {
    this.slots.set(target, slot);
    const names = target.split('.');
    let level = this.root;
    for (const [depth, name] of names.entries()) {
      const bytes = Buffer.from(`${name}\0`);
      let entry = level.known.find((known) => Buffer.compare(known.name, bytes) === 0);
      if (entry === undefined) {
        entry = newEntry(bytes);
        level.known.push(entry);
      }
      if (depth === names.length - 1) entry.slot = slot;
      else {
        entry.slotsBelow.push(slot);
        entry.below ??= newLevel();
        level = entry.below;
      }
    }
  }

  private walk(level: Level, bytes: Uint8Array, start: number): void {
    let at = start + 4;
    let previous = level.first;
    for (let type = bytes[at]!; type !== 0; type = bytes[at]!) {
      at++;
      let entry = previous.next;
      if (entry === undefined || !hasName(entry, bytes, at)) {
        entry = findEntry(level, bytes, at);
        previous.next = entry;
      }
      previous = entry;
      at += entry.name.length;
      if (entry.slot >= 0) {
        this.types[entry.slot] = type;
        this.offsets[entry.slot] = at;
      }
      if (entry.below !== undefined) this.descend(entry, entry.below, type, bytes, at);
      at += sizeOf(type, bytes, at);
    }
  }

  private descend(entry: Entry, below: Level, type: number, bytes: Uint8Array, at: number): void {
    for (const slot of entry.slotsBelow) this.types[slot] = type === ARRAY ? THROUGH_ARRAY : ABSENT;
    if (type === OBJECT) this.walk(below, bytes, at);
  }
}

function newLevel(): Level {
  return { known: [], first: newEntry(new Uint8Array(0)) };
}

function newEntry(name: Uint8Array): Entry {
  return { name, slot: -1, below: undefined, slotsBelow: [], next: undefined };
}

function findEntry(level: Level, bytes: Uint8Array, at: number): Entry {
  const { known } = level;
  for (let i = 0; i < known.length; i++) {
    if (hasName(known[i]!, bytes, at)) return known[i]!;
  }
  const entry = newEntry(Uint8Array.from(bytes.subarray(at, bytes.indexOf(0, at) + 1)));
  if (known.length < NAMES_KEPT) known.push(entry);
  return entry;
}

function hasName(entry: Entry, bytes: Uint8Array, at: number): boolean {
  const { name } = entry;
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== bytes[at + i]) return false;
  }
  return true;
}
