// `mongodb`: whether a replica set has a primary, and how far its secondaries trail it.

import type { Document } from 'mongodb';
import { z } from 'zod';
import { durationInWords } from '../../health/figures.ts';
import { defineProbe, type Reading } from '../../health/probe.ts';
import { durationThresholds, limitReached, orElse, statusOf, type Thresholds } from '../../health/thresholds.ts';
import type { Probing } from '../store.ts';

export interface MongodbProbing extends Probing {
  /** A command that only tells, with its reply as the driver reads it. */
  tell(command: Document, signal: AbortSignal): Promise<Document>;
}

const options = z.strictObject({
  server: z.string().describe('The name of a store of kind mongodb.'),
  lag: orElse(durationThresholds, { warn: 2000, fail: 10_000 }).describe(
    'How far a secondary may trail the primary. Default warn 2s, fail 10s.',
  ),
});

export const mongodbProbe = defineProbe<z.infer<typeof options>>({
  kind: 'mongodb',
  summary: 'A replica set: its primary, its members’ states, and how far the secondaries trail.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: true }],
  async run({ server, lag }, { servers, signal }) {
    const { tell } = (await servers.store(server)).probing as MongodbProbing;
    const { setName, msg } = await tell({ hello: 1 }, signal);
    if (setName === undefined) return [noSet(msg === 'isdbgrid')];
    const status = await tell({ replSetGetStatus: 1 }, signal);
    return judgeReplicaSet(String(status.set), membersOf(status), lag);
  },
});

/** A member as replSetGetStatus has it. */
export interface Member {
  readonly name: string;
  /** `PRIMARY`, `SECONDARY`, `ARBITER`, `RECOVERING` … */
  readonly state: string;
  readonly isUp: boolean;
  /** Of the last operation that it holds, milliseconds since 1970. */
  readonly at: number;
}

export function membersOf({ members }: Document): readonly Member[] {
  return (members as readonly Document[]).map(({ name, stateStr, health, optimeDate }) => ({
    name: String(name),
    state: String(stateStr),
    isUp: health === 1,
    at: optimeDate instanceof Date ? optimeDate.getTime() : Number.NaN,
  }));
}

/** One reading for the set, then one for each member that holds data besides the primary. `lag` in milliseconds. */
export function judgeReplicaSet(set: string, members: readonly Member[], lag: Thresholds): readonly Reading[] {
  const primaries = members.filter(({ state, isUp }) => isUp && state === 'PRIMARY');
  const up = members.filter(({ isUp }) => isUp).length;
  const [primary] = primaries;
  const words = `replica set ${set}: ${up} of ${members.length} members up`;
  // A member that was cut off calls itself primary until it hears otherwise: the newest is meant.
  const newest = primaries.reduce((best, one) => (one.at > best.at ? one : best), primary!);
  const head: Reading = {
    status: primary === undefined ? 'failed' : 'ok',
    message: primary === undefined ? `${words}, no primary` : `${words}, primary ${newest.name}`,
    hint:
      primary === undefined ? 'Nothing can be written. rs.status() on a member tells why none is elected.' : undefined,
    metrics: [
      { name: 'mongodb_members', help: 'Members of the replica set.', value: members.length },
      { name: 'mongodb_members_up', help: 'Members that answer the others.', value: up },
    ],
  };
  const others = members.filter((member) => member !== newest && member.state !== 'ARBITER');
  return [head, ...others.map((member) => judgeMember(member, newest, lag))];
}

function judgeMember(member: Member, primary: Member | undefined, lag: Thresholds): Reading {
  const subject = member.name;
  if (!member.isUp) return { status: 'failed', subject, message: `down (${member.state})`, hint: DOWN };
  if (member.state !== 'SECONDARY') {
    return {
      status: 'failed',
      subject,
      message: `no secondary: ${member.state}`,
      hint: 'Its log tells what it is at.',
    };
  }
  if (primary === undefined) return { status: 'unknown', subject, message: 'no primary to be measured against' };
  const behind = Math.max(0, primary.at - member.at);
  if (Number.isNaN(behind)) return { status: 'unknown', subject, message: 'it tells no time of its last operation' };
  const status = statusOf(behind, lag);
  return {
    status,
    subject,
    message: `${durationInWords(behind)} behind${limitReached(status, lag, durationInWords)}`,
    hint: status === 'ok' ? undefined : BEHIND,
    metrics: [
      {
        name: 'mongodb_replication_lag_seconds',
        help: 'How far a secondary trails the primary.',
        value: behind / 1000,
        labels: { member: member.name },
      },
    ],
  };
}

const DOWN = 'The other members get no answer from it: is it running, and may they reach it?';
const BEHIND =
  'Look at its load and its disk; the oplog window says how long it may trail (rs.printReplicationInfo()).';

function noSet(isSharded: boolean): Reading {
  return isSharded
    ? {
        status: 'unknown',
        message: 'a mongos, not a replica set',
        hint: 'Name the replica set of each shard as a store.',
      }
    : {
        status: 'unknown',
        message: 'a standalone server: it has no replica set',
        hint: 'Remove this probe, or let the URL name the set.',
      };
}
