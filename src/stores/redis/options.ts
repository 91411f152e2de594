// The words that a Redis store and its replicas take in the configuration, and what follows from them.

import { z } from 'zod';
import { durationPattern, parseDuration } from '../../config/duration.ts';
import type { Problem } from '../../errors.ts';
import { tlsDescription, tlsWords } from '../../tls/tls.ts';
import type { Replica } from '../store.ts';

const milliseconds = z.int().positive();
const duration = z.union([
  z.number().positive({ error: 'must be more than 0' }),
  z.string().regex(durationPattern, { error: 'is no duration; write 500ms, 2s, 5m, 1h or 7d' }),
]);

export const storeOptions = z.strictObject({
  cluster: z.boolean().optional().describe('The servers form a Redis Cluster; redis+cluster:// says the same.'),
  tls: tlsWords.optional().describe(tlsDescription),
  timeouts: z
    .strictObject({ connect: milliseconds.optional(), socket: milliseconds.optional() })
    .optional()
    .describe('Milliseconds: to connect (5000), and without any data while an answer is due (60000).'),
  scanCount: z
    .int()
    .min(10)
    .max(100_000)
    .optional()
    .describe('Keys that the server looks at for one SCAN. Default 1000.'),
});
export type StoreOptions = z.infer<typeof storeOptions>;

export const replicaOptions = z.strictObject({
  as: z
    .enum(['hash', 'json', 'string', 'set', 'cache'])
    .describe(
      'How a record stands: a hash, a string of JSON, a plain string, a member of a set; or cached results that a set tracks.',
    ),
  member: z.string().min(1).optional().describe('For `as: set`: the key column that the members are.'),
  entries: z
    .string()
    .min(1)
    .optional()
    .describe('For `as: cache`: a pattern of cached keys, to find those without a mark.'),
  ttl: duration.optional().describe('For `as: cache`: how long the application lets a result live.'),
  expire: duration.optional().describe('How long a key that a repair creates lives. Default: for ever.'),
  except: z
    .array(z.string().min(1))
    .optional()
    .describe('Patterns of keys that look like the target and are not part of it.'),
  nullText: z.string().optional().describe('For `as: hash`: the text that stands for null, such as "" or "null".'),
});
export type ReplicaOptions = z.infer<typeof replicaOptions>;

/** Durations in milliseconds. */
export interface Words {
  readonly as: ReplicaOptions['as'];
  readonly member?: string;
  readonly entries?: string;
  readonly ttl?: number;
  readonly expire?: number;
  readonly except: readonly string[];
  readonly nullText?: string;
}

export function wordsOf(replica: Replica): Words {
  const given = replica.options as ReplicaOptions;
  return {
    ...given,
    ttl: given.ttl === undefined ? undefined : parseDuration(given.ttl),
    expire: given.expire === undefined ? undefined : Math.max(1, Math.round(parseDuration(given.expire)!)),
    except: given.except ?? [],
  };
}

/** Words that do not go together, or not with the mapping. */
export function wordProblems({ mapping, where }: Replica, words: Words): readonly Problem[] {
  const problems: Problem[] = [];
  const say = (path: string, message: string, hint?: string) => problems.push({ path, message, hint });
  const { as } = words;
  const only = (word: keyof Words, ...kinds: readonly Words['as'][]) => {
    if (words[word] !== undefined && !kinds.includes(as)) say(word, `means nothing with as: ${as}`);
  };
  only('member', 'set');
  only('entries', 'cache');
  only('ttl', 'cache');
  only('nullText', 'hash');
  only('expire', 'hash', 'json', 'string', 'set');
  const names = mapping.fields.map((field) => field.name).join(', ');
  if (as === 'set') {
    const { member } = words;
    if (member === undefined) say('member', 'missing', 'Name the key column that the members of the set are.');
    else if (!mapping.key.some((field) => field.name === member)) {
      say(
        'member',
        `${member} is no column of the key`,
        `The key is ${mapping.key.map(({ name }) => name).join(', ')}.`,
      );
    }
    if (mapping.fields.length > 0) {
      say(
        '',
        `a member of a set has no fields, and ${names} would be compared`,
        'Set onlyListed: true, and ignore them.',
      );
    }
  }
  if (as === 'string' && mapping.fields.length !== 1) {
    const what = mapping.fields.length === 0 ? 'none is mapped' : `${names} are mapped`;
    say('', `a plain string holds one field, and ${what}`, 'Ignore the others, or keep records as: json.');
  }
  if (as === 'cache') {
    if (words.ttl === undefined)
      say('ttl', 'missing', 'Say how long the application lets a result live, such as 300s.');
    if (mapping.cache !== true) say('', 'cached results need a version to be compared with');
  }
  if (where !== undefined && where !== null && as !== 'hash' && as !== 'json') {
    say(
      'where',
      `means nothing with as: ${as}`,
      'Say by the target, or by `except`, which keys belong to the replica.',
    );
  }
  return problems;
}
