// What has been seen of one candidate over several looks, and the rule that settles it. No I/O.
//
// A difference is drift once the source's value has stood for `maxLag` without the replica showing it. A record that changes faster than we
// look never equals the source now; there the values that the source had count: a replica that shows one of them follows, and its lag is how
// long ago the source left that value.

import type { Candidate } from '../compare/candidate.ts';
import type { Mapping, Place, Row } from '../mapping/mapping.ts';
import { compareVersions, differingFields } from '../value/same-value.ts';
import { compareRecord, type Difference } from './compare-record.ts';
import type { Verdict } from './confirm.ts';
import { makeFinding } from './make-finding.ts';

export interface ObservationOptions {
  readonly replica: string;
  readonly entity: string;
  readonly mapping: Mapping;
  readonly maxLag: number;
  readonly interval: number;
  readonly giveUp: number;
  readonly nominated: boolean;
}

/** A value that the source had: the row, `absent`, or only its hash. */
interface SeenValue {
  readonly row?: Row;
  readonly hash?: readonly [high: number, low: number];
  readonly absent: boolean;
  /** When it was first seen. */
  readonly at: number;
}

const STILL_LOOKS = 3;
/** Source values kept of one record. */
const SEEN_VALUES = 5000;

export class Observation {
  readonly candidate: Candidate;
  /** When to look again. */
  nextLook = 0;
  private readonly options: ObservationOptions;
  private readonly hash: (row: Row) => readonly [number, number, number, number];
  /** The source's values in the order in which it had them. */
  private readonly seen: SeenValue[] = [];
  private firstDifferent: number | undefined;
  private firstLook: number | undefined;
  /** Where the records stood at the last look. */
  private places: readonly Place[] = [];
  private still: { readonly text: string; readonly since: number; looks: number } | undefined;

  constructor(candidate: Candidate, options: ObservationOptions, hash: Observation['hash']) {
    this.candidate = candidate;
    this.options = options;
    this.hash = hash;
    const { sourceHash, seenAt } = candidate;
    if (sourceHash === 'absent') this.seen.push({ absent: true, at: seenAt });
    else if (sourceHash !== undefined) this.seen.push({ absent: false, hash: sourceHash, at: seenAt });
    if (options.nominated) this.firstDifferent = seenAt;
  }

  /** One look: the replica's records, read at `replicaAt`, then the source's, read by `sourceAt`. A verdict, or undefined: look again. */
  look(source: readonly Row[], replica: readonly Row[], replicaAt: number, sourceAt: number): Verdict | undefined {
    const { mapping, maxLag, interval, giveUp } = this.options;
    const { key } = this.candidate;
    this.firstLook ??= replicaAt;
    this.places = replica.flatMap((row) => (row.place === undefined ? [] : [row.place]));
    const difference = compareRecord(mapping, source, replica);
    if (difference === undefined) {
      const exists = source.length > 0;
      if (this.firstDifferent === undefined || this.wasEqual(source[0], replica[0]))
        return { kind: 'equal', key, exists };
      return { kind: 'in flight', key, lag: replicaAt - this.firstDifferent };
    }
    this.firstDifferent ??= replicaAt;
    if (source.length > 1) return this.finding(difference);
    this.saw(source[0], sourceAt);
    this.watch(replica, replicaAt);

    const newest = this.seen.at(-1)!;
    if (replicaAt - newest.at >= maxLag) return this.finding(difference);
    const left = replica.length > 1 ? undefined : this.leftAt(replica[0]);
    if (left !== undefined) {
      const lag = replicaAt - left;
      return lag <= maxLag ? { kind: 'in flight', key, lag: Math.max(lag, 0) } : this.finding(difference);
    }
    if (this.isBehind(replica, replicaAt) || this.standsStill(replicaAt)) return this.finding(difference);
    if (replicaAt - this.firstLook > giveUp) {
      const reason = `it changed faster than it could be compared for ${giveUp} ms`;
      return this.finding({ class: 'unread', reason });
    }
    const settled = newest.at + maxLag;
    this.nextLook = this.seen.length > 1 ? Math.min(settled, sourceAt + interval) : settled;
    return undefined;
  }

  /** Neither side has moved since it was nominated: the hash is finer than the rule (a tolerance, letter case), and nothing healed. */
  private wasEqual(source: Row | undefined, replica: Row | undefined): boolean {
    const { sourceHash, replicaHash } = this.candidate;
    if (source === undefined || replica === undefined || replicaHash === undefined || !Array.isArray(sourceHash))
      return false;
    const isStill = (row: Row, [high, low]: readonly [number, number]) => {
      const digest = this.hash(row);
      return digest[2] === high && digest[3] === low;
    };
    return this.seen.length === 1 && isStill(source, sourceHash as [number, number]) && isStill(replica, replicaHash);
  }

  /**
   * The source has changed something since it was read, so nobody knows how long this value has stood: it may have gone and come back meanwhile. It
   * counts from `at`.
   */
  countFrom(at: number): void {
    for (const [i, value] of this.seen.entries()) this.seen[i] = { ...value, at: Math.max(value.at, at) };
  }

  /** The source has changed since the record was first seen. */
  get isMoving(): boolean {
    return this.seen.length > 1;
  }

  /** The source's rows that were seen, the newest last. */
  get seenRows(): readonly Row[] {
    return this.seen.flatMap((value) => (value.row === undefined ? [] : [value.row]));
  }

  /** The source showed this row (or none) at `at`. */
  saw(row: Row | undefined, at: number): void {
    const newest = this.seen.at(-1);
    if (newest !== undefined && this.isValue(newest, row)) {
      if (newest.row === undefined && row !== undefined) this.seen[this.seen.length - 1] = { ...newest, row };
      return;
    }
    this.seen.push({ row, absent: row === undefined, at });
    if (this.seen.length > SEEN_VALUES) this.seen.shift();
  }

  private isValue(seen: SeenValue, row: Row | undefined): boolean {
    if (seen.absent || row === undefined) return seen.absent && row === undefined;
    if (seen.row !== undefined) return differingFields(this.options.mapping.fields, seen.row, row).length === 0;
    if (row.unread !== undefined) return false;
    const [, , high, low] = this.hash(row);
    return seen.hash?.[0] === high && seen.hash[1] === low;
  }

  /** When the source left the value that the replica shows; undefined when it never had it while we looked. */
  private leftAt(replica: Row | undefined): number | undefined {
    for (let i = this.seen.length - 2; i >= 0; i--) {
      if (replica?.unread === undefined && this.isValue(this.seen[i]!, replica)) return this.seen[i + 1]!.at;
    }
    return undefined;
  }

  /** The replica is older than a value that the source had more than `maxLag` ago. */
  private isBehind(replica: readonly Row[], at: number): boolean {
    const { version, fields } = this.options.mapping;
    const theirs = version === undefined ? null : (replica[0]?.values[version] ?? null);
    if (version === undefined || theirs === null) return false;
    return this.seen.some((value) => {
      const mine = value.row?.values[version] ?? null;
      return (
        mine !== null && at - value.at > this.options.maxLag && compareVersions(fields[version]!, theirs, mine) < 0
      );
    });
  }

  /** The replica has shown the same for longer than `maxLag`, at several looks, and it is nothing that the source had. */
  private standsStill(at: number): boolean {
    return this.still !== undefined && this.still.looks >= STILL_LOOKS && at - this.still.since > this.options.maxLag;
  }

  private watch(replica: readonly Row[], at: number): void {
    const text = JSON.stringify(replica.map((row) => row.values));
    if (this.still?.text === text) this.still.looks++;
    else this.still = { text, since: at, looks: 1 };
  }

  private finding(difference: Difference): Verdict {
    const { key } = this.candidate;
    return {
      kind: 'finding',
      key,
      finding: makeFinding(difference, key, this.firstDifferent!, this.options, this.places),
    };
  }
}
