// A hash table of digests in typed arrays: open addressing, linear probing, no object a row. Key hash → one row hash for each mapping.

/**
 * Bytes that a table of `rows` takes: four a number, at a load of at most 0.7. While it grows it holds the old half as well, so give it the
 * number of rows where that is known.
 */
export function tableBytes(rows: number, mappings: number): number {
  return capacityFor(rows) * (2 + 2 * mappings) * 4;
}

function capacityFor(rows: number): number {
  return 2 ** Math.max(10, Math.ceil(Math.log2((rows + 1) / 0.7)));
}

export class DigestTable {
  /** Distinct key hashes. */
  size = 0;
  /** Rows given to `insert`. */
  rows = 0;
  /** Numbers a slot: key high, key low, then high and low for each mapping. */
  readonly stride: number;
  private slots: Int32Array;
  private mask: number;
  /** Key hashes that more than one row has, as `high:low`. They say nothing about their rows. */
  private readonly collided = new Set<string>();
  /** The position of a slot's row in the order of insertion, when keys are kept. */
  private ordinals: Int32Array | undefined;
  private readonly keys: (readonly (string | null)[])[] = [];

  constructor(expectedRows: number, mappings: number, keepKeys: boolean) {
    this.stride = 2 + 2 * mappings;
    const capacity = capacityFor(expectedRows);
    this.mask = capacity - 1;
    this.slots = new Int32Array(capacity * this.stride);
    if (keepKeys) this.ordinals = new Int32Array(capacity);
  }

  get capacity(): number {
    return this.mask + 1;
  }

  /** Adds the digest at `digests[at…]`: key high, key low, row high, row low, … */
  insert(digests: Int32Array, at: number, key?: readonly (string | null)[]): void {
    this.rows++;
    if (this.size >= this.capacity * 0.7) this.grow();
    const slot = this.place(digests[at]!, digests[at + 1]!);
    const base = slot * this.stride;
    if (this.isTaken(base)) {
      this.collided.add(`${this.slots[base]}:${this.slots[base + 1]}`);
      return;
    }
    for (let i = 0; i < this.stride; i++) this.slots[base + i] = digests[at + i]!;
    if (digests[at] === 0 && digests[at + 1] === 0) this.slots[base + 1] = 1;
    if (this.ordinals !== undefined && key !== undefined) this.ordinals[slot] = this.keys.push(key) - 1;
    this.size++;
  }

  /** The slot of a key hash, or -1. Slots hold until the next insert. */
  find(high: number, low: number): number {
    const slot = this.place(high, low);
    return this.isTaken(slot * this.stride) ? slot : -1;
  }

  /** Whether slot `slot` holds this row hash for mapping number `mapping`. */
  holds(slot: number, mapping: number, high: number, low: number): boolean {
    const base = slot * this.stride + 2 + 2 * mapping;
    return this.slots[base] === high && this.slots[base + 1] === low;
  }

  rowHash(slot: number, mapping: number): readonly [high: number, low: number] {
    const base = slot * this.stride + 2 + 2 * mapping;
    return [this.slots[base]!, this.slots[base + 1]!];
  }

  isCollided(slot: number): boolean {
    if (this.collided.size === 0) return false;
    const base = slot * this.stride;
    return this.collided.has(`${this.slots[base]}:${this.slots[base + 1]}`);
  }

  get collisions(): number {
    return this.collided.size;
  }

  keyHash(slot: number): bigint {
    const base = slot * this.stride;
    return (BigInt(this.slots[base]!) << 32n) | BigInt(this.slots[base + 1]! >>> 0);
  }

  /** The key's texts as they were inserted; only when keys are kept. */
  keyTexts(slot: number): readonly (string | null)[] {
    return this.keys[this.ordinals![slot]!]!;
  }

  get keepsKeys(): boolean {
    return this.ordinals !== undefined;
  }

  isUsed(slot: number): boolean {
    return this.isTaken(slot * this.stride);
  }

  private isTaken(base: number): boolean {
    return (this.slots[base]! | this.slots[base + 1]!) !== 0;
  }

  /** The slot that holds the key hash, or the free one where it belongs. A hash of zero, which marks free slots, is kept as 1. */
  private place(high: number, low: number): number {
    const { slots, stride, mask } = this;
    const wanted = (high | low) === 0 ? 1 : low;
    let slot = (wanted ^ Math.imul(high, 0x9e3779b1)) & mask;
    for (;;) {
      const base = slot * stride;
      const slotHigh = slots[base]!;
      const slotLow = slots[base + 1]!;
      if ((slotHigh === high && slotLow === wanted) || (slotHigh | slotLow) === 0) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const { slots, ordinals, stride, capacity } = this;
    this.mask = capacity * 2 - 1;
    this.slots = new Int32Array(capacity * 2 * stride);
    if (ordinals !== undefined) this.ordinals = new Int32Array(capacity * 2);
    for (let slot = 0; slot < capacity; slot++) {
      const base = slot * stride;
      const high = slots[base]!;
      const low = slots[base + 1]!;
      if ((high | low) === 0) continue;
      const to = this.place(high, low);
      this.slots.set(slots.subarray(base, base + stride), to * stride);
      if (ordinals !== undefined) this.ordinals![to] = ordinals[slot]!;
    }
  }
}

/** One bit a slot: which of them a replica has hit. */
export class Hits {
  private readonly bits: Uint8Array;

  constructor(capacity: number) {
    this.bits = new Uint8Array(Math.ceil(capacity / 8));
  }

  has(slot: number): boolean {
    return (this.bits[slot >> 3]! & (1 << (slot & 7))) !== 0;
  }

  add(slot: number): void {
    this.bits[slot >> 3]! |= 1 << (slot & 7);
  }
}
