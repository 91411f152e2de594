// What stands where a replica should be: how many keys, what they hold, how long they live, what the user may do; and what follows from it.

import type { Problem } from '../../errors.ts';
import type { Field } from '../../mapping/mapping.ts';
import type { Inspection, Replica } from '../store.ts';
import type { Access } from './access.ts';
import { OWN_WORDS, WORD_PRECISION } from './decode.ts';
import type { Habit, Habits } from './habits.ts';
import type { ServerInfo } from './server-info.ts';
import type { Command, Session } from './session.ts';

export async function inspectReplica(session: Session, server: ServerInfo, access: Access): Promise<Inspection> {
  const { replica, words } = access;
  const { estimate, anyKey, habits } = await access.survey();
  const notes: string[] = [];
  const problems: Problem[] = [...typeProblems(replica)];
  const writeProblems: Problem[] = [];
  const { fields } = replica.mapping;

  for (const [i, field] of fields.entries()) {
    const habit = habits.fields[i];
    if (habit === undefined || habit.unreadable === 0) continue;
    if (habit.values === 0) {
      problems.push({
        path: field.target,
        message: `compared as ${field.type.kind}, but no sampled record holds one: ${habit.trouble}`,
        hint: 'Map another field, or say by `type` how this one is kept.',
      });
    } else
      notes.push(
        `${field.target} is not ${field.type.kind} in ${habit.unreadable} of ${habits.samples} sampled records`,
      );
  }
  addKeyTypes(access, habits, notes, problems);
  notes.push(...lifeNotes(access, habits), ...server.evictionNotes(habits.expiring > 0 || words.as === 'cache'));
  notes.push(...fields.flatMap((field, i) => millisNote(field, habits.fields[i])));
  if (words.as === 'cache') {
    if (server.major < 7) {
      problems.push({
        path: '',
        message: `${server.product} can’t tell when a key expires`,
        hint: 'Caches need Redis 7 or later.',
      });
    }
    notes.push(`a result was written ${words.ttl! / 1000} s before it expires, by the server’s clock`);
    if (access.entries === undefined) notes.push('results that have lost their mark in the set are not seen');
    else notes.push('each look at a result goes through all keys once, for those without a mark');
    if (session.isCluster) writeProblems.push(...slotProblems(access));
  }
  if (server.isReplica) {
    writeProblems.push({ path: '', message: 'the server is a read-only replica', hint: 'Repairs go to the master.' });
  }
  writeProblems.push(...(await missingPermissions(session, access, anyKey, habits.expiring > 0)));
  return {
    estimatedRows: estimate,
    keyIsUnique: true,
    timestampPrecision: precisions(replica, words.as === 'cache'),
    hashable: true,
    notes,
    problems,
    writeProblems,
  };
}

/** Where the replica can't even be asked about. */
export function uninspected(problems: readonly Problem[]): Inspection {
  return {
    estimatedRows: 0,
    keyIsUnique: true,
    timestampPrecision: new Map(),
    hashable: true,
    notes: [],
    problems,
    writeProblems: [],
  };
}

/** A word under `type` that means nothing here would be taken for a plain text. */
function typeProblems({ mapping }: Replica): readonly Problem[] {
  return [...mapping.key, ...mapping.fields].flatMap(({ target, type, storedAs }): Problem[] => {
    if (storedAs === undefined || CANONICAL.has(storedAs) || OWN_WORDS[type.kind]?.includes(storedAs)) return [];
    const own = OWN_WORDS[type.kind] ?? [];
    return [
      {
        path: target,
        message: `${storedAs} is no way to keep ${type.kind}`,
        hint: own.length === 0 ? `Leave \`type\` away: ${type.kind} is kept as text.` : `Ways: ${own.join(', ')}.`,
      },
    ];
  });
}

const CANONICAL = new Set(
  'text boolean integer decimal float date timestamp uuid bytes json array vector interval enum'.split(' '),
);

function addKeyTypes({ replica, words }: Access, habits: Habits, notes: string[], problems: Problem[]): void {
  const [misfit] = habits.misfits;
  if (misfit === undefined) return;
  if (habits.samples > 0) {
    notes.push(
      `of ${habits.samples + habits.misfits.length} sampled keys ${habits.misfits.length} hold no ${words.as}`,
    );
    return;
  }
  problems.push({
    path: 'as',
    message: `${replica.target}: no sampled key holds a record: ${misfit}`,
    hint: `Records are read as: ${words.as}; name keys of others under \`except\`.`,
  });
}

function lifeNotes({ words }: Access, { expiring, samples, misfits }: Habits): readonly string[] {
  if (expiring === 0) return [];
  const ours = words.expire === undefined ? '; keys that a repair creates do not (see `expire`)' : '';
  return [
    `${expiring} of ${samples + misfits.length} sampled keys expire, so one that is missing may only have expired${ours}`,
  ];
}

function millisNote({ target, storedAs }: Field, habit: Habit | undefined): readonly string[] {
  if (storedAs !== undefined || !habit?.onlyMillis) return [];
  return [
    `${target} has no more than milliseconds in all sampled records; if that is all the application writes, say \`type: isoMillis\``,
  ];
}

function precisions({ mapping }: Replica, isCache: boolean): ReadonlyMap<string, number> {
  return new Map(
    [...mapping.key, ...mapping.fields].flatMap((field, i): [string, number][] => {
      if (field.type.kind !== 'timestamp') return [];
      const precision = isCache && i >= mapping.key.length ? 3 : WORD_PRECISION[field.storedAs ?? ''];
      return precision === undefined ? [] : [[field.target, precision]];
    }),
  );
}

/** A script's keys must stand in one slot, which only a hash tag makes sure of. */
function slotProblems({ pattern, entries, words }: Access): readonly Problem[] {
  if (pattern.hashTag !== undefined && (entries === undefined || entries.hashTag === pattern.hashTag)) return [];
  return [
    {
      path: 'target',
      message:
        'a set and its results may stand in different slots of the cluster, so they can’t be dropped in one step',
      hint: `Give both the same hash tag: search_keys:{{{city}}} and search:{{{city}}}:*${words.entries === undefined ? '' : ' (entries)'}.`,
    },
  ];
}

const WRITES: Readonly<Record<string, readonly Command[]>> = {
  hash: [
    ['hset', 'KEY', 'field', 'value'],
    ['hdel', 'KEY', 'field'],
    ['unlink', 'KEY'],
    ['restore', 'KEY', '0', 'value'],
  ],
  json: [
    ['set', 'KEY', 'value'],
    ['unlink', 'KEY'],
  ],
  string: [
    ['set', 'KEY', 'value'],
    ['unlink', 'KEY'],
  ],
  set: [
    ['sadd', 'KEY', 'member'],
    ['srem', 'KEY', 'member'],
  ],
  cache: [
    ['unlink', 'KEY'],
    ['srem', 'KEY', 'member'],
  ],
};

/** Asks by a script that writes nothing, since writes are scripts. Servers before 7.0 can't tell more than whether they run one. */
async function missingPermissions(
  session: Session,
  { words }: Access,
  key: string,
  keysExpire: boolean,
): Promise<readonly Problem[]> {
  const commands = [
    ...WRITES[words.as]!,
    ...(words.expire === undefined ? [] : [['pexpire', 'KEY', '1']]),
    ...(keysExpire && (words.as === 'json' || words.as === 'string') ? [['pexpireat', 'KEY', '1']] : []),
  ];
  const checks = commands.map(
    ([name, , ...args]) =>
      `if not redis.acl_check_cmd('${name}', KEYS[1]${args.map((arg) => `, '${arg}'`).join('')}) then missing[#missing + 1] = '${name}' end`,
  );
  const lua = `local missing = {}\nif redis.acl_check_cmd then\n${checks.join('\n')}\nend\nreturn missing`;
  const [reply] = await session.ask([['eval', lua, '1', key]]);
  if (reply instanceof Error) {
    if (!reply.message.startsWith('NOPERM')) return [];
    return [
      {
        path: '',
        message: 'the user may not run scripts on the keys of this replica, which every write needs',
        hint: 'ACL SETUSER … +eval +evalsha ~PATTERN',
      },
    ];
  }
  const missing = (reply as readonly Buffer[]).map(String);
  if (missing.length === 0) return [];
  return [
    {
      path: '',
      message: `the user may not ${missing.join(', ')} the keys of this replica`,
      hint: `ACL SETUSER … ${missing.map((name) => `+${name}`).join(' ')} ~PATTERN`,
    },
  ];
}
