// Redis for the shared suite: records as hashes or as JSON, written and read back by a client of the test's own.

import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Field, Key, Mapping } from '../../src/mapping/mapping.ts';
import { redis } from '../../src/stores/redis/redis.ts';
import type { Value } from '../../src/value/field-type.ts';
import { freshRedis } from '../databases.ts';
import type { Harness, NativeRecord, Place, PlaceOptions } from './contract.ts';

export const connectRedis = (url: string) => redis.connect({ name: 'kv', url, options: {} });

let places = 0;

export function startRedis(as: 'hash' | 'json'): (own?: string) => Promise<Harness> {
  return async (own) => {
    const { url, prefix } = freshRedis(own);
    const client = new Redis(url);
    // It connects again by itself, and a server that is down for a while is no news.
    client.on('error', () => {});
    return {
      url,
      config: { kind: 'redis' },
      precision: 6,
      connect: connectRedis,
      makePlace: async (mapping, options) => makePlace(client, prefix, as, mapping, options),
      close: async () => client.disconnect(),
    };
  };
}

function makePlace(
  client: Redis,
  prefix: string,
  as: 'hash' | 'json',
  mapping: Mapping,
  { where }: PlaceOptions = {},
): Place {
  const start = `${prefix}place${places++}`;
  const keyOf = (key: Key) => [start, ...key].join(':');
  const target = [start, ...mapping.key.map(({ name }) => `{${name}}`)].join(':');
  const condition = where ? { extra: 'in' } : undefined;
  const { write, read, set } = as === 'hash' ? hashes(client, mapping) : documents(client, mapping);
  return {
    replica: { name: `kv.${target}`, target, mapping, where: condition, options: { as } },
    config: {
      target,
      as,
      ...(condition === undefined ? {} : { where: condition }),
      fields: Object.fromEntries(mapping.fields.map((field) => [field.name, field.target])),
    },
    async write(records) {
      await Promise.all(records.map((record) => write(keyOf(record.key), record)));
    },
    async read() {
      const keys = (await client.keys(`${start}:*`)).sort();
      return (await Promise.all(keys.map(read))).flatMap((record) => record ?? []);
    },
    async whole() {
      const keys = await client.keys(`${start}:*`);
      // A large hash has its fields in whatever order.
      const held = async (key: string) =>
        (await client.type(key)) === 'hash'
          ? Object.entries(await client.hgetallBuffer(key)).map(
              ([name, value]) => `${name}=${value.toString('base64')}`,
            )
          : [(await client.getBuffer(key))!.toString('base64')];
      const texts = keys.map(async (key) => `${key} ${await client.pexpiretime(key)} ${(await held(key)).sort()}`);
      return (await Promise.all(texts)).sort();
    },
    async set(key, index, value) {
      await set(keyOf(key), mapping.fields[index]!, value);
    },
    async remove(key) {
      expect(await client.del(keyOf(key))).toBe(1);
    },
    async refuse(keys) {
      for (const key of keys) {
        await client.del(keyOf(key));
        await client.rpush(keyOf(key), 'no record');
      }
      return undefined;
    },
  };
}

interface Native {
  write(key: string, record: NativeRecord): Promise<void>;
  /** Undefined for a key that holds something else. */
  read(key: string): Promise<NativeRecord | undefined>;
  set(key: string, field: Field, value: Value): Promise<void>;
}

/** All texts are canonical: the field's usual text in a hash. Null is an absent field. */
function hashes(client: Redis, { key: keyFields, fields }: Mapping): Native {
  return {
    async write(key, record) {
      const hash = new Map(keyFields.map((field, i) => [field.target, record.key[i]!]));
      for (const [i, field] of fields.entries()) {
        const value = record.values[i];
        if (value !== null && value !== undefined) hash.set(field.target, value);
      }
      if (record.extra !== undefined) hash.set('extra', record.extra);
      await client.hset(key, ...[...hash].flat());
    },
    async read(key) {
      if ((await client.type(key)) !== 'hash') return undefined;
      const hash = new Map(Object.entries(await client.hgetall(key)));
      return {
        key: keyFields.map((field) => hash.get(field.target)!),
        values: fields.map((field) => hash.get(field.target)),
        ...(hash.has('extra') ? { extra: hash.get('extra')! } : {}),
      };
    },
    async set(key, { target }, value) {
      expect(await client.exists(key)).toBe(1);
      await (value === null ? client.hdel(key, target) : client.hset(key, target, value));
    },
  };
}

/** Texts of JSON put together by hand: JSON.stringify has no number beyond a double. */
function documents(client: Redis, { key: keyFields, fields }: Mapping): Native {
  const write = (key: string, members: ReadonlyMap<string, string>) =>
    client.set(key, `{ ${[...members].map(([name, literal]) => `${JSON.stringify(name)}: ${literal}`).join(', ')} }`);
  const parse = async (key: string) => {
    const text = (await client.get(key))!;
    // Numbers as texts, so that none is rounded.
    const exact = text.replace(
      /("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g,
      (_, string, number) => string ?? `"\\u0000${number}"`,
    );
    return new Map(Object.entries(JSON.parse(exact) as Record<string, unknown>));
  };
  return {
    async write(key, record) {
      const members = new Map(keyFields.map((field, i) => [field.target, literalOf(field, record.key[i]!)]));
      for (const [i, field] of fields.entries()) {
        const value = record.values[i];
        if (value !== undefined) members.set(field.target, literalOf(field, value));
      }
      if (record.extra !== undefined) members.set('extra', JSON.stringify(record.extra));
      await write(key, members);
    },
    async read(key) {
      if ((await client.type(key)) !== 'string') return undefined;
      const members = await parse(key);
      const read = (field: Field) => valueOfMember(field, members.get(field.target));
      return {
        key: keyFields.map((field) => read(field)!),
        values: fields.map(read),
        ...(members.has('extra') ? { extra: members.get('extra') as string } : {}),
      };
    },
    async set(key, field, value) {
      const text = (await client.get(key))!;
      const name = JSON.stringify(field.target);
      const literal = literalOf(field, value);
      const member = new RegExp(`${name}:\\s*("(?:[^"\\\\]|\\\\.)*"|[^,} ]+)`);
      expect(text).toMatch(member);
      await client.set(
        key,
        text.replace(member, () => `${name}: ${literal}`),
      );
    },
  };
}

const BARE = new Set(['integer', 'decimal', 'float', 'boolean', 'json', 'array', 'vector']);

function literalOf({ type }: Field, value: Value): string {
  if (value === null) return 'null';
  const isBare = BARE.has(type.kind) && !/^-?(NaN|Infinity)$/.test(value);
  return isBare ? value : JSON.stringify(value);
}

function valueOfMember({ type }: Field, member: unknown): Value | undefined {
  if (member === undefined || member === null) return member;
  if (type.kind === 'json' || type.kind === 'array' || type.kind === 'vector') return plainJson(member);
  return typeof member === 'string' ? member.replace(/^\0/, '') : String(member);
}

/** As the suite spells it. */
function plainJson(member: unknown): string {
  if (typeof member === 'string') return member.startsWith('\0') ? member.slice(1) : JSON.stringify(member);
  if (Array.isArray(member)) return `[${member.map(plainJson).join(', ')}]`;
  if (typeof member !== 'object' || member === null) return String(member);
  const names = Object.keys(member).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const inner = names.map((name) => `${JSON.stringify(name)}: ${plainJson((member as Record<string, unknown>)[name])}`);
  return `{${inner.join(', ')}}`;
}
