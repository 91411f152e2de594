// The one suite that every store passes. Records are written and read back by the store's native driver, through the harness that
// each store's own test brings; what the suite sees of them is canonical.

import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { InterruptedError, StoreError } from '../../src/errors.ts';
import { type Key, keyText, type Mapping, type Row } from '../../src/mapping/mapping.ts';
import type { Change, FetchedRow, Guarded, Image, Replica, Store } from '../../src/stores/store.ts';
import { makeChain, seedHalves } from '../../src/value/chain.ts';
import { type BucketFilter, bucketOf, type HashScheme } from '../../src/value/digest.ts';
import type { FieldType, Value } from '../../src/value/field-type.ts';
import { hashKey, hashValues } from '../../src/value/row-hash.ts';
import { everyType, field, ODD_KEYS } from './contract-cases.ts';

/** A record as the native driver holds it. `undefined`: the record lacks the field, where the store can say so, else null. */
export interface NativeRecord {
  readonly key: Key;
  readonly values: readonly (Value | undefined)[];
  /** Of the field `extra`, which no mapping names. */
  readonly extra?: string;
}

/** An empty place for records, reached through the native driver. */
export interface Place {
  readonly replica: Replica;
  /** The same replica as the YAML file says it, without `store`: target, fields by source column, the kind's own words. */
  readonly config?: Readonly<Record<string, unknown>>;
  write(records: readonly NativeRecord[]): Promise<void>;
  read(): Promise<readonly NativeRecord[]>;
  /** Changes one value of the record with this key; `index` counts `mapping.fields`. */
  set(key: Key, index: number, value: Value): Promise<void>;
  remove(key: Key): Promise<void>;
  /** All records as the server holds them, to the last byte and the fields that nobody maps, one text each, in an order of their own. */
  whole(): Promise<readonly string[]>;
  /**
   * Where no field can be unique: from now on the server refuses to write the records of these keys, or, where it is values that it refuses,
   * any record with the title that comes back.
   */
  refuse?(keys: readonly Key[]): Promise<string | undefined>;
}

export interface PlaceOptions {
  /** Gives the replica a `where` that holds for records whose `extra` is `in`. */
  readonly where?: boolean;
  /** No unique index on the key. */
  readonly unguarded?: boolean;
  /** Targets that are unique each, besides the key. */
  readonly unique?: readonly string[];
}

export interface Harness {
  /** With its port: the suite puts a proxy in between to cut the line. */
  readonly url: string;
  /** The store as the YAML file says it, without `url`: kind and options. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Digits after the second that timestamps hold here. */
  readonly precision: number;
  /** Kinds of field that the store can't hold. */
  readonly without?: readonly string[];
  /** Single values that the store can't hold. */
  readonly unholdable?: (type: FieldType, value: string) => boolean;
  /** The store holds an empty text or bytes as null. */
  readonly emptyIsNull?: boolean;
  /** The store allows two records of one key where nothing guards it. */
  readonly canDuplicate?: boolean;
  connect(url: string): Promise<Store>;
  makePlace(mapping: Mapping, options?: PlaceOptions): Promise<Place>;
  close(): Promise<void>;
}

const SLOW_MS = 120_000;
const SCHEMES: readonly HashScheme[] = [
  { algorithm: 'lookup3', seed: 0x1234_5678_9abc_def0n },
  { algorithm: 'md5', seed: -5n },
];

const plain: Mapping = {
  key: [field('id', { kind: 'text' })],
  fields: [
    field('title', { kind: 'text' }),
    field('amount', { kind: 'integer', bits: 32 }),
    field('place', { kind: 'text' }),
  ],
};

/** `start` brings the server and the native driver. */
export function storeContract(name: string, start: () => Promise<Harness>): void {
  describe(`the store contract: ${name}`, { timeout: SLOW_MS }, () => {
    let harness: Harness;
    let store: Store;
    const opened: { close(): Promise<void> }[] = [];

    beforeAll(async () => {
      harness = await start();
      store = await harness.connect(harness.url);
    }, SLOW_MS);
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((it) => it.close()));
    });
    afterAll(async () => {
      await store?.close();
      await harness?.close();
    }, SLOW_MS);

    const place = (mapping: Mapping = plain, options?: PlaceOptions) => harness.makePlace(mapping, options);
    const allTypes = () => everyType(harness.precision, harness.without, harness.unholdable);
    /** As the store holds it. */
    const held = (record: NativeRecord): NativeRecord =>
      harness.emptyIsNull ? { ...record, values: record.values.map((value) => value || null) } : record;

    test('says what it is and what it can take at once', () => {
      expect(store.product).toMatch(/\S+ \S*\d/);
      expect(store.limits.fetchKeys).toBeGreaterThanOrEqual(1);
      expect(store.limits.applyChanges).toBeGreaterThanOrEqual(1);
    });

    describe('reading', () => {
      test('values of every type come back canonical through scan and fetch', async () => {
        const { mapping, rows } = allTypes();
        const there = await place(mapping);
        const records = rows.map((values, i) => ({ key: [`k${i}`], values }));
        await there.write(records);
        expect(await store.inspect(there.replica)).toMatchObject({
          keyIsUnique: true,
          problems: [],
          writeProblems: [],
        });
        const expected = byKey(records.map(held));
        expect(byKey(await scanAll(store, there.replica))).toEqual(expected);
        expect(byKey(await store.fetch(there.replica, keysOf(records)))).toEqual(expected);
        await expectDigestsOfRows(store, there.replica);
      });

      test('a field that is null and a field that is absent are both null', async () => {
        const there = await place();
        await there.write([
          { key: ['null'], values: [null, null, null] },
          { key: ['absent'], values: [undefined, undefined, undefined] },
        ]);
        const rows = byKey(await scanAll(store, there.replica));
        expect(rows).toEqual(byKey(['null', 'absent'].map((id) => ({ key: [id], values: [null, null, null] }))));
        expect(byKey(await store.fetch(there.replica, [['null'], ['absent']]))).toEqual(rows);
        await expectDigestsOfRows(store, there.replica);
      });

      test('2,500 records come exactly once, whatever the pages', async () => {
        const there = await place();
        const records = numbered(2500);
        await there.write(records);
        const rows = await scanAll(store, there.replica);
        expect(rows).toHaveLength(2500);
        expect(byKey(rows)).toEqual(byKey(records));
        await expectDigestsOfRows(store, there.replica);
        expect((await store.inspect(there.replica)).estimatedRows).toBeGreaterThan(0);
      });

      test('an empty replica has no records and is no error', async () => {
        const there = await place();
        expect(await scanAll(store, there.replica)).toEqual([]);
        expect(await store.fetch(there.replica, [['a'], ['b']])).toEqual([]);
        expect(await store.fetch(there.replica, [])).toEqual([]);
        expect(await store.apply(there.replica, [])).toEqual([]);
        await expectDigestsOfRows(store, there.replica);
        expect(await store.inspect(there.replica)).toMatchObject({ estimatedRows: 0, problems: [] });
      });

      test('a thousand keys are all looked up, and the absent ones are left out', async () => {
        const there = await place();
        await there.write(numbered(700));
        const asked = Array.from({ length: 1000 }, (_, i) => [`r${i}`]);
        const rows = await store.fetch(there.replica, asked);
        expect(byKey(rows)).toEqual(byKey(numbered(700)));
      });

      test('odd keys are found as they are and as no other', async () => {
        const there = await place();
        const records = ODD_KEYS.map((key, i) => ({ key: [key], values: [key, String(i), null] }));
        await there.write(records);
        expect(byKey(await scanAll(store, there.replica))).toEqual(byKey(records));
        expect(byKey(await store.fetch(there.replica, keysOf(records)))).toEqual(byKey(records));
        for (const record of records) {
          expect(byKey(await store.fetch(there.replica, [record.key]))).toEqual(byKey([record]));
        }
        await expectDigestsOfRows(store, there.replica);
      });

      test('keys of numbers, times and several fields are found', async () => {
        const time = '2026-03-04T05:06:07.008000Z';
        const composite: Mapping = {
          key: [
            field('region', { kind: 'text' }),
            field('number', { kind: 'integer', bits: 64 }),
            field('at', { kind: 'timestamp', precision: harness.precision }),
          ],
          fields: [field('title', { kind: 'text' })],
        };
        const there = await place(composite);
        const records = ['a', 'b'].flatMap((region) =>
          ['-1', '0', '9007199254740993'].map((number) => ({
            key: [region, number, time],
            values: [`${region}${number}`],
          })),
        );
        await there.write(records);
        expect(byKey(await scanAll(store, there.replica))).toEqual(byKey(records));
        expect(byKey(await store.fetch(there.replica, keysOf(records)))).toEqual(byKey(records));
        expect(await store.fetch(there.replica, [['a', '1', time]])).toEqual([]);
        await expectDigestsOfRows(store, there.replica);
      });

      test('`where` decides what belongs to the replica', async () => {
        const there = await place(plain, { where: true });
        await there.write([
          { key: ['mine'], values: ['a', '1', null], extra: 'in' },
          { key: ['other'], values: ['b', '2', null], extra: 'out' },
        ]);
        expect((await scanAll(store, there.replica)).map((row) => row.key)).toEqual([['mine']]);
        expect((await store.fetch(there.replica, [['mine'], ['other']])).map((row) => row.key)).toEqual([['mine']]);
        await expectDigestsOfRows(store, there.replica);
      });

      test('a count is what a scan would yield', async () => {
        const count = store.probing?.count;
        if (count === undefined) return;
        const { signal } = new AbortController();
        const there = await place(plain, { where: true });
        expect(await count(there.replica, signal)).toBe(0);
        await there.write([
          ...numbered(30).map((record) => ({ ...record, extra: 'in' })),
          { key: ['other'], values: ['b', '2', null], extra: 'out' },
        ]);
        expect(await count(there.replica, signal)).toBe(30);
        const all = await place();
        await all.write(numbered(300));
        expect(await count(all.replica, signal)).toBe(300);
      });

      test('a key that stands twice comes twice', async (context) => {
        if (!harness.canDuplicate) return context.skip();
        const there = await place(plain, { unguarded: true });
        await there.write([
          { key: ['twice'], values: ['a', '1', null] },
          { key: ['twice'], values: ['b', '2', null] },
        ]);
        expect(await scanAll(store, there.replica)).toHaveLength(2);
        expect(await store.fetch(there.replica, [['twice']])).toHaveLength(2);
        const inspection = await store.inspect(there.replica);
        expect(inspection.keyIsUnique).toBe(false);
        expect(inspection.writeProblems).not.toEqual([]);
      });

      test('digests of wanted buckets are those of their keys, and know them', async () => {
        if (store.hashing === undefined) return;
        const there = await place();
        await there.write(numbered(500));
        const [scheme] = SCHEMES;
        const filter: BucketFilter = { buckets: 8, bits: Uint8Array.of(0b0010_0100) };
        const rows = await scanAll(store, there.replica);
        const wanted = rows.filter((row) => [2, 5].includes(bucketOf(digestOf(there.replica, scheme!, row)[1]!, 8)));
        const keys: Key[] = [];
        for await (const page of store.hashing.digests(there.replica, scheme!, filter)) {
          for (let i = 0; i < page.count; i++) keys.push(page.key!(i));
        }
        expect(keys.map(keyText).sort()).toEqual(wanted.map((row) => keyText(row.key)).sort());
        expect(keys.length).toBeGreaterThan(50);
      });

      test('an iteration that ends early leaves nothing open', async () => {
        const there = await place();
        await there.write(numbered(2500));
        for (let i = 0; i < 30; i++) {
          for await (const page of store.scan(there.replica)) {
            expect(page.length).toBeGreaterThan(0);
            break;
          }
        }
        expect(await store.fetch(there.replica, [['r1']])).toHaveLength(1);
      });

      test('an aborted signal ends a scan as an interruption', async () => {
        const there = await place();
        await there.write(numbered(6000));
        for (const read of readers(store)) {
          const controller = new AbortController();
          const reading = (async () => {
            for await (const _page of read(there.replica, controller.signal)) controller.abort();
          })();
          await expect(reading).rejects.toBeInstanceOf(InterruptedError);
        }
        expect(await store.fetch(there.replica, [['r1']])).toHaveLength(1);
      });
    });

    describe('writing', () => {
      test('records of every type are inserted as the native driver reads them', async () => {
        const { mapping, rows } = allTypes();
        const there = await place(mapping);
        const wanted = rows.map((values, i) => ({ key: [`k${i}`], values }));
        await store.inspect(there.replica);
        expect(await store.apply(there.replica, wanted.map(insert))).toEqual(
          wanted.map(() => ({ outcome: 'written' })),
        );
        const expected = byKey(wanted.map(held));
        expect(byKey((await there.read()).map(withNulls))).toEqual(expected);
        expect(byKey(await store.fetch(there.replica, keysOf(wanted)))).toEqual(expected);
      });

      test('an insert leaves alone what is there by now', async () => {
        const there = await place();
        await there.write([{ key: ['a'], values: ['theirs', '1', null], extra: 'x' }]);
        const changes = [
          insert({ key: ['a'], values: ['ours', '2', null] }),
          insert({ key: ['b'], values: ['b', '2', null] }),
        ];
        expect(outcomes(await store.apply(there.replica, changes))).toEqual(['moved', 'written']);
        expect(outcomes(await store.apply(there.replica, changes))).toEqual(['moved', 'moved']);
        const records = byKey((await there.read()).map(withNulls));
        expect(records.get('a')).toMatchObject({ values: ['theirs', '1', null], extra: 'x' });
        expect(records.get('b')).toMatchObject({ values: ['b', '2', null] });
      });

      test('an update sets the named fields and touches nothing else', async () => {
        const there = await place();
        await there.write([{ key: ['a'], values: ['old', '1', 'here'], extra: 'untouched' }]);
        const [expected] = await store.fetch(there.replica, [['a']]);
        const change = update(expected!, ['new', '1', 'elsewhere'], [0]);
        expect(outcomes(await store.apply(there.replica, [change]))).toEqual(['written']);
        expect((await there.read())[0]).toMatchObject({ values: ['new', '1', 'here'], extra: 'untouched' });
      });

      test('the same changes again write nothing', async () => {
        const there = await place();
        await there.write(numbered(3));
        const [a, b, c] = sorted(await store.fetch(there.replica, keysOf(numbered(3))));
        const changes: Change[] = [
          update(a!, ['new', ...a!.values.slice(1)], [0]),
          { kind: 'delete', expected: b! },
          insert({ key: ['n'], values: ['n', '1', null] }),
        ];
        expect(outcomes(await store.apply(there.replica, changes))).toEqual(['written', 'written', 'written']);
        const before = byKey(await there.read());
        const again = [...changes, update(c!, ['c', ...c!.values.slice(1)], [0])];
        const [updated, deleted, inserted, fresh] = outcomes(await store.apply(there.replica, again));
        expect([updated, deleted, inserted, fresh]).toEqual(['unchanged', 'unchanged', 'moved', 'written']);
        const after = byKey(await there.read());
        expect([after.get('r0'), after.get('n')]).toEqual([before.get('r0'), before.get('n')]);
      });

      test('a record that changed since it was read is moved, and stays as it is', async () => {
        const there = await place();
        await there.write(numbered(5));
        const rows = sorted(await store.fetch(there.replica, keysOf(numbered(5))));
        await there.set(['r0'], 1, '999');
        await there.set(['r1'], 2, null);
        await there.remove(['r2']);
        await there.set(['r3'], 0, 'touched');
        const changes: Change[] = [
          ...rows.slice(0, 3).map((row) => update(row, ['new', ...row.values.slice(1)], [0])),
          { kind: 'delete', expected: rows[3]! },
          update(rows[4]!, ['new', ...rows[4]!.values.slice(1)], [0]),
        ];
        expect(outcomes(await store.apply(there.replica, changes))).toEqual([
          'moved',
          'moved',
          'moved',
          'moved',
          'written',
        ]);
        const records = byKey(await there.read());
        expect(records.get('r0')!.values).toEqual(['title 0', '999', 'place 0']);
        expect(withNulls(records.get('r1')!).values).toEqual(['title 1', '1', null]);
        expect(records.has('r2')).toBe(false);
        expect(records.get('r3')!.values[0]).toBe('touched');
        expect(records.get('r4')!.values[0]).toBe('new');
      });

      test('values that were null or absent when read guard the write as well', async () => {
        const there = await place();
        await there.write([
          { key: ['null'], values: ['a', null, null] },
          { key: ['absent'], values: ['a', undefined, undefined] },
          { key: ['filled'], values: ['a', null, null] },
        ]);
        const rows = sorted(await store.fetch(there.replica, [['absent'], ['filled'], ['null']]));
        await there.set(['filled'], 1, '5');
        const changes = rows.map((row) => update(row, ['b', null, 'p'], [0, 2]));
        expect(outcomes(await store.apply(there.replica, changes))).toEqual(['written', 'moved', 'written']);
        const records = byKey((await there.read()).map(withNulls));
        expect(records.get('null')!.values).toEqual(['b', null, 'p']);
        expect(records.get('absent')!.values).toEqual(['b', null, 'p']);
        expect(records.get('filled')!.values).toEqual(['a', '5', null]);
      });

      test('a value can be made null', async () => {
        const there = await place();
        await there.write(numbered(1));
        const [row] = await store.fetch(there.replica, [['r0']]);
        const change = update(row!, [row!.values[0]!, null, null], [1, 2]);
        expect(outcomes(await store.apply(there.replica, [change]))).toEqual(['written']);
        expect(withNulls((await there.read())[0]!).values).toEqual(['title 0', null, null]);
      });

      test('every type can be updated and deleted under its guard', async () => {
        const { mapping, rows } = allTypes();
        const there = await place(mapping);
        const records = rows.map((values, i) => ({ key: [`k${i}`], values }));
        await there.write(records);
        const read = sorted(await store.fetch(there.replica, keysOf(records)));
        const all = mapping.fields.map((_, i) => i);
        const next = (i: number) => sorted(records)[(i + 1) % read.length]!.values;
        const changed = read.map((row, i) => update(row, next(i), all));
        expect(outcomes(await store.apply(there.replica, changed))).toEqual(read.map(() => 'written'));
        const found = sorted((await there.read()).map(withNulls));
        expect(found).toEqual(read.map(({ key }, i) => held({ key, values: next(i) })));
        const left = sorted(await store.fetch(there.replica, keysOf(records)));
        const deletes = left.map((expected): Change => ({ kind: 'delete', expected }));
        expect(outcomes(await store.apply(there.replica, deletes))).toEqual(left.map(() => 'written'));
        expect(await there.read()).toEqual([]);
      });

      test('odd and composite keys are written and removed', async () => {
        const composite: Mapping = {
          key: [field('region', { kind: 'text' }), field('number', { kind: 'integer', bits: 32 })],
          fields: [field('title', { kind: 'text' })],
        };
        const there = await place(composite);
        const wanted = ODD_KEYS.map((key, i) => ({ key: [key, String(i - 3)], values: [key] }));
        expect(new Set(outcomes(await store.apply(there.replica, wanted.map(insert))))).toEqual(new Set(['written']));
        expect(byKey(await there.read())).toEqual(byKey(wanted));
        const rows = await store.fetch(there.replica, keysOf(wanted));
        const changes = rows.map(
          (row, i): Change => (i % 2 ? update(row, ['$set'], [0]) : { kind: 'delete', expected: row }),
        );
        expect(new Set(outcomes(await store.apply(there.replica, changes)))).toEqual(new Set(['written']));
        const left = rows.filter((_, i) => i % 2).map((row) => ({ key: row.key, values: ['$set'] }));
        expect(byKey(await there.read())).toEqual(byKey(left));
      });

      test('a row that the server rejects is refused and stops no other', async () => {
        const there = await place(plain, { unique: ['title'] });
        await there.write(numbered(3));
        const [a, b] = sorted(await store.fetch(there.replica, keysOf(numbered(3))));
        const refused = (await there.refuse?.([['r0'], ['n']])) ?? 'title 2';
        const changes = [
          update(a!, [refused, ...a!.values.slice(1)], [0]),
          insert({ key: ['n'], values: [refused, '1', null] }),
          update(b!, ['new', ...b!.values.slice(1)], [0]),
          insert({ key: ['m'], values: ['m', '1', null] }),
        ];
        const result = await store.apply(there.replica, changes);
        expect(outcomes(result)).toEqual(['refused', 'refused', 'written', 'written']);
        expect(result[0]).toMatchObject({ error: expect.stringMatching(/\S/) });
        const records = byKey(await there.read());
        // What makes the server refuse may stand where the record stood.
        expect([...records.keys()].filter((key) => key !== 'r0').sort()).toEqual(['m', 'r1', 'r2']);
        expect(records.get('r0')?.values[0] ?? 'title 0').toBe('title 0');
      });

      test('many changes at once have one outcome each, in their order', async () => {
        const there = await place();
        await there.write(numbered(1200));
        const rows = sorted(await store.fetch(there.replica, keysOf(numbered(1200))));
        for (let i = 0; i < rows.length; i += 100) await there.set(rows[i]!.key, 2, 'moved on');
        const changes = rows.map((row) => update(row, ['new', ...row.values.slice(1)], [0]));
        const expected = rows.map((_, i) => (i % 100 === 0 ? 'moved' : 'written'));
        expect(outcomes(await store.apply(there.replica, changes))).toEqual(expected);
      });
    });

    describe('putting back', () => {
      /** As they come out of a journal. */
      const captured = async (there: Place, changes: readonly Guarded[]): Promise<readonly (Image | undefined)[]> => {
        const images = await store.restoring!.capture(there.replica, changes);
        expect(images).toHaveLength(changes.length);
        expect(images.map((one) => one?.lacks)).toEqual(changes.map(() => undefined));
        return images.map((one) => one && JSON.parse(JSON.stringify(one.image)));
      };
      const deletion = (expected: FetchedRow): Guarded => ({ kind: 'delete', expected });
      const back = ({ token: _, ...row }: FetchedRow, image: Image, more: object = {}): Change => ({
        kind: 'insert',
        row,
        image,
        ...more,
      });

      test('what was removed comes back as it was, with the fields that no mapping names', async () => {
        const { mapping, rows } = allTypes();
        const there = await place(mapping);
        const records = rows.map((values, i) => ({ key: [`k${i}`], values, extra: `by hand ${i}` }));
        await there.write(records);
        const before = await there.whole();
        expect(before).toHaveLength(records.length);
        const read = sorted(await store.fetch(there.replica, keysOf(records)));
        const deletes = read.map(deletion);
        const images = await captured(there, deletes);
        const removed = deletes.map((change, i) => ({ ...change, image: images[i] }));
        expect(outcomes(await store.apply(there.replica, removed))).toEqual(read.map(() => 'written'));
        expect(await there.whole()).toEqual([]);
        const inserts = read.map((row, i) => back(row, images[i]));
        expect(outcomes(await store.apply(there.replica, inserts))).toEqual(read.map(() => 'written'));
        expect(await there.whole()).toEqual(before);
        expect(outcomes(await store.apply(there.replica, inserts))).toEqual(read.map(() => 'moved'));
        expect(await there.whole()).toEqual(before);
      });

      test('what was changed becomes again what it was, types and absent fields included', async () => {
        const { mapping, rows } = allTypes();
        const there = await place(mapping);
        // No two neighbours are equal.
        const absent = { key: ['k0 absent'], values: rows[0]!.map(() => undefined), extra: 'by hand' };
        const present = rows.map((values, i) => ({ key: [`k${i}`], values, extra: `by hand ${i}` }));
        const records = [...present, absent];
        await there.write(records);
        const before = await there.whole();
        const read = sorted(await store.fetch(there.replica, keysOf(records)));
        const all = mapping.fields.map((_, i) => i);
        const updates = read.map((row, i) => update(row, read[(i + 1) % read.length]!.values, all) as Guarded);
        const images = await captured(there, updates);
        expect(new Set(outcomes(await store.apply(there.replica, updates)))).toEqual(new Set(['written']));
        expect(await there.whole()).not.toEqual(before);
        const now = sorted(await store.fetch(there.replica, keysOf(records)));
        const restores = now.map((row, i): Change => ({ ...update(row, read[i]!.values, all), image: images[i] }));
        expect(new Set(outcomes(await store.apply(there.replica, restores)))).toEqual(new Set(['written']));
        expect(await there.whole()).toEqual(before);
      });

      test('a record that changed since, or whose key is taken, is moved and stays as it is', async () => {
        const there = await place();
        await there.write(numbered(3).map((record) => ({ ...record, extra: 'by hand' })));
        const [a, b, c] = sorted(await store.fetch(there.replica, keysOf(numbered(3))));
        const changes = [deletion(a!), update(b!, ['new', ...b!.values.slice(1)], [0]) as Guarded, deletion(c!)];
        const images = await captured(there, changes);
        const made = changes.map((change, i) => (change.kind === 'delete' ? { ...change, image: images[i] } : change));
        expect(outcomes(await store.apply(there.replica, made))).toEqual(['written', 'written', 'written']);
        const [changed] = await store.fetch(there.replica, [['r1']]);
        await there.set(['r1'], 1, '99');
        await there.write([{ key: ['r0'], values: ['theirs', '5', null], extra: 'theirs' }]);
        const before = await there.whole();
        const restores: Change[] = [
          back(a!, images[0]),
          { ...update(changed!, b!.values, [0]), image: images[1] } as Change,
        ];
        expect(outcomes(await store.apply(there.replica, restores))).toEqual(['moved', 'moved']);
        expect(await there.whole()).toEqual(before);
        expect(outcomes(await store.apply(there.replica, [back(c!, images[2])]))).toEqual(['written']);
        expect(withNulls(byKey(await there.read()).get('r2')!)).toMatchObject({ ...numbered(3)[2], extra: 'by hand' });
      });

      test('a record that is gone has no image', async () => {
        const there = await place();
        await there.write(numbered(2));
        const [a, b] = sorted(await store.fetch(there.replica, keysOf(numbered(2))));
        await there.remove(['r0']);
        const images = await store.restoring!.capture(there.replica, [deletion(a!), deletion(b!)]);
        expect(images.map((one) => one !== undefined)).toEqual([false, true]);
      });

      test('one of two records of a key comes back beside the other, even where both are alike', async (context) => {
        if (!harness.canDuplicate) return context.skip();
        const there = await place(plain, { unguarded: true });
        const [twin] = numbered(1);
        await there.write([twin!, twin!].map((record, i) => ({ ...record, extra: `copy ${i}` })));
        const before = await there.whole();
        const [expected] = await store.fetch(there.replica, [twin!.key]);
        const [image] = await captured(there, [deletion(expected!)]);
        expect(outcomes(await store.apply(there.replica, [deletion(expected!)]))).toEqual(['written']);
        expect(await there.whole()).toHaveLength(1);
        expect(outcomes(await store.apply(there.replica, [back(expected!, image)]))).toEqual(['moved']);
        const beside = back(expected!, image, { beside: 1 });
        expect(outcomes(await store.apply(there.replica, [beside]))).toEqual(['written']);
        expect(await there.whole()).toEqual(before);
        expect(outcomes(await store.apply(there.replica, [beside]))).toEqual(['moved']);
      });
    });

    describe('a server that goes away', () => {
      test('is an error in every verb, never an empty answer', async () => {
        const there = await place();
        await there.write(numbered(3));
        const line = await openLine(harness.url);
        opened.push(line);
        const cut = await harness.connect(line.url);
        opened.push(cut);
        const [expected] = await cut.fetch(there.replica, [['r0']]);
        await line.close();
        await expect(scanAll(cut, there.replica)).rejects.toMatchObject({ name: 'StoreError', transient: true });
        await expect(cut.fetch(there.replica, [['r0']])).rejects.toBeInstanceOf(StoreError);
        await expect(cut.inspect(there.replica)).rejects.toBeInstanceOf(StoreError);
        await expect(cut.apply(there.replica, [{ kind: 'delete', expected: expected! }])).rejects.toBeInstanceOf(
          StoreError,
        );
        if (cut.hashing) {
          const reading = cut.hashing.digests(there.replica, SCHEMES[0]!)[Symbol.asyncIterator]();
          await expect(reading.next()).rejects.toBeInstanceOf(StoreError);
        }
        expect(await there.read()).toHaveLength(3);
      });

      test('in the middle of a scan ends it with an error, not early', async () => {
        const there = await place();
        await there.write(numbered(20_000));
        for (const pick of [0, 1]) {
          const line = await openLine(harness.url);
          opened.push(line);
          const cut = await harness.connect(line.url);
          opened.push(cut);
          const read = readers(cut)[pick];
          if (read === undefined) continue;
          await expect(
            (async () => {
              for await (const _page of read(there.replica)) await line.close();
            })(),
          ).rejects.toMatchObject({ name: 'StoreError', transient: true });
        }
      });

      test('at connecting is an error that tells no password', async () => {
        const line = await openLine(harness.url);
        await line.close();
        const url = line.url
          .replace('://', '://someone:s3cr%21t@')
          .replace(/someone:s3cr%21t@[^@/]*@/, 'someone:s3cr%21t@');
        const failure = await harness.connect(url).catch((error: unknown) => error);
        expect(failure).toMatchObject({ name: 'StoreError', transient: true });
        expect(`${(failure as Error).message} ${(failure as StoreError).hint}`).not.toMatch(/s3cr/);
      });
    });
  });
}

async function scanAll(store: Store, replica: Replica): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of store.scan(replica)) rows.push(...page);
  return rows;
}

type Reader = (replica: Replica, signal?: AbortSignal) => AsyncIterable<unknown>;

/** What reads a whole replica: scan, and digests where the store has them. */
function readers(store: Store): readonly Reader[] {
  const { hashing } = store;
  const scan: Reader = (replica, signal) => store.scan(replica, signal);
  return hashing === undefined
    ? [scan]
    : [scan, (replica, signal) => hashing.digests(replica, SCHEMES[0]!, undefined, signal)];
}

export function digestOf({ mapping }: Replica, scheme: HashScheme, row: Row): readonly number[] {
  const chain = makeChain(scheme);
  hashKey(chain, seedHalves(scheme), mapping, row.key);
  const { high, low } = chain;
  hashValues(chain, high, low, mapping, row.values);
  return [high, low, chain.high, chain.low];
}

/** The store's digests are those of its decoded rows, record for record. */
export async function expectDigestsOfRows(store: Store, replica: Replica): Promise<void> {
  if (store.hashing === undefined) return;
  const rows = (await scanAll(store, replica)).filter((row) => row.unread === undefined);
  for (const scheme of SCHEMES) {
    const found: string[] = [];
    for await (const page of store.hashing.digests(replica, scheme)) {
      for (let i = 0; i < page.count; i++) {
        if (page.unread?.(i) === undefined) found.push([...page.hashes.subarray(4 * i, 4 * i + 4)].join(' '));
      }
    }
    expect(found.sort()).toEqual(rows.map((row) => digestOf(replica, scheme, row).join(' ')).sort());
  }
}

function numbered(count: number): NativeRecord[] {
  return Array.from({ length: count }, (_, i) => ({ key: [`r${i}`], values: [`title ${i}`, String(i), `place ${i}`] }));
}

function insert(row: { readonly key: Key; readonly values: readonly (Value | undefined)[] }): Change {
  return { kind: 'insert', row: { key: row.key, values: row.values.map((value) => value ?? null) } };
}

function update(expected: FetchedRow, values: readonly Value[], fields: readonly number[]): Change {
  return { kind: 'update', row: { key: expected.key, values }, fields, expected };
}

function outcomes(results: readonly { readonly outcome: string }[]): string[] {
  return results.map(({ outcome }) => outcome);
}

function keysOf(records: readonly { readonly key: Key }[]): Key[] {
  return records.map(({ key }) => key);
}

function byKey<Found extends { readonly key: Key; readonly values: readonly unknown[] }>(
  records: readonly Found[],
): Map<string, { key: Key; values: Found['values']; extra?: string; unread?: string }> {
  return new Map(
    sorted(records).map((record) => {
      const { token: _token, place: _place, ...rest } = record as Found & { token?: unknown; place?: unknown };
      return [keyText(record.key), rest];
    }),
  );
}

function sorted<Found extends { readonly key: Key }>(records: readonly Found[]): Found[] {
  return [...records].sort((a, b) => (keyText(a.key) < keyText(b.key) ? -1 : 1));
}

function withNulls(record: NativeRecord): NativeRecord {
  return { ...record, values: record.values.map((value) => value ?? null) };
}

/** A proxy to the server that `close` cuts, with every connection through it. */
async function openLine(url: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = tcpConnect(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: url.replace(`${hostname}:${port}`, `127.0.0.1:${own}`),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
