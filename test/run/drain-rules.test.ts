// What a drain does beside the plain case: conflicts by rule and by hand, foreign keys and unique keys, retries, dead letters and their replay, what
// it refuses before the first write, and how it waits for PostgreSQL.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startLocalEngine } from '../../engines/engines.ts';
import {
  type Config,
  check,
  type DrainOptions,
  type DrainReport,
  drain,
  drainWhenBack,
  parseConfig,
  reconcile,
  undo,
} from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

const SLOW_MS = 120_000;
const TABLES = `drop table if exists people, cities cascade;
  create table cities (id int primary key, name text not null, changed_at timestamptz not null default now());
  create table people (id int primary key, city_id int not null references cities, name text not null check (name <> 'Nadie'),
    email text unique, secret text, changed_at timestamptz not null default now(), initial text generated always as (left(name, 1)) stored)`;

let source: string;
let copy: string;
let folder: string;
let file: string;

beforeAll(async () => {
  [source, copy] = [await freshPostgres('18'), await freshPostgres('15')];
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = await mkdtemp(join(tmpdir(), 'plumbline-drain-rules-'));
  file = join(folder, 'taken.ndjson');
  await sql(source, TABLES);
  await sql(
    copy,
    `${TABLES}; alter table people drop constraint people_city_id_fkey, drop constraint people_email_key`,
  );
  for (const url of [source, copy]) {
    await sql(
      url,
      `insert into cities (id, name, changed_at) values (1, 'Lima', '2026-01-01'), (2, 'Cusco', '2026-01-01');
       insert into people (id, city_id, name, email, changed_at) values (1, 1, 'Ana', 'ana@x', '2026-01-01'), (2, 2, 'Bea', 'bea@x', '2026-01-01')`,
    );
  }
});

interface Settings {
  readonly contingency?: object;
  readonly key?: string;
  readonly url?: string;
  readonly writer?: string | null;
  readonly sensitive?: boolean;
}

function configOf({ contingency = {}, key, url = source, writer = url, sensitive = false }: Settings = {}): Config {
  const variable = (name: string) => ['$', '{', name, '}'].join('');
  const words = {
    source: { url: variable('SOURCE') },
    stores: { copy: { kind: 'postgres', url: variable('COPY') } },
    entities: {
      cities: { table: 'cities', version: 'changed_at', replicas: [{ store: 'copy', maxLag: '20ms' }] },
      people: {
        table: 'people',
        version: 'changed_at',
        ...(sensitive ? { fields: { secret: { sensitive: true } } } : {}),
        replicas: [{ store: 'copy', maxLag: '20ms', ignore: ['initial'] }],
      },
    },
    contingency: {
      database: new URL(url).pathname.slice(1),
      ...(writer === null ? {} : { writerUrl: variable('WRITER') }),
      entities: { person: 'people', city: 'cities' },
      tries: [0, '200ms'],
      interval: '100ms',
      stores: { taken: { files: file } },
      ...contingency,
    },
    ...(key === undefined ? {} : { journal: { key: variable('KEY') } }),
    folder,
  };
  return parseConfig(JSON.stringify(words), join(folder, 'plumbline.yaml'), {
    SOURCE: url,
    COPY: copy,
    WRITER: writer ?? undefined,
    KEY: key,
  });
}

const AT = '2026-11-22T01:00:00Z';
const at = (second: number) => new Date(Date.parse(AT) + 1000 * second).toISOString();

interface Taken {
  readonly entityType?: string;
  readonly operation?: string;
  readonly data?: object;
  readonly timestamp?: string | number;
  readonly readAt?: string;
}

const taken = async (...writes: readonly (Taken | string)[]) => {
  const lines = writes.map((write, i) =>
    typeof write === 'string'
      ? write
      : JSON.stringify({ entityType: 'person', operation: 'update', timestamp: at(i), source: 'temp', ...write }),
  );
  await writeFile(file, `${lines.join('\n')}\n`);
};
const city = (operation: string, data: object, rest: Taken = {}): Taken => ({
  entityType: 'city',
  operation,
  data,
  ...rest,
});
const person = (operation: string, data: object, rest: Taken = {}): Taken => ({ operation, data, ...rest });
const people = () => sql(source, 'select id, city_id, name, email from people order by id');
const apply = (config: Config = configOf(), options: DrainOptions = {}) => drain(config, { apply: true, ...options });
const effects = (report: DrainReport, name = 'people') => {
  const counts: Readonly<Record<string, number>> =
    report.entities.find((entity) => entity.name === name)?.effects ?? {};
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
};
const drained = async (report: DrainReport) => {
  expect(report.problems).toEqual([]);
  expect(report).toMatchObject({ verdict: 'drained', exitCode: 0 });
  expect(await readdir(folder)).not.toContain('taken.ndjson');
  expect((await check(configOf(), { keep: false })).exitCode).toBe(0);
};

describe('what refers to another', () => {
  test('comes after it, whatever the clocks of the writers said', async () => {
    await taken(
      person('insert', { id: 3, city_id: 3, name: 'Cai' }, { timestamp: at(0) }),
      person('update', { id: 3, name: 'Caia' }, { timestamp: at(1) }),
      city('insert', { id: 3, name: 'Puno' }, { timestamp: at(2) }),
    );
    const report = await apply();
    expect(effects(report)).toEqual({ insert: 1, update: 1 });
    expect(await people()).toContainEqual({ id: 3, city_id: 3, name: 'Caia', email: null });
    await drained(report);
  });

  test('goes before it is deleted', async () => {
    await taken(city('delete', { id: 2 }, { timestamp: at(0) }), person('delete', { id: 2 }, { timestamp: at(1) }));
    const report = await apply();
    expect(effects(report)).toEqual({ delete: 1 });
    expect(effects(report, 'cities')).toEqual({ delete: 1 });
    await drained(report);
  });
});

test('unique values that were swapped are swapped', async () => {
  await taken(
    person('update', { id: 1, email: 'free@x' }),
    person('update', { id: 2, email: 'ana@x' }),
    person('update', { id: 1, email: 'bea@x' }),
  );
  const report = await apply();
  expect(effects(report)).toEqual({ update: 3 });
  expect(await people()).toMatchObject([{ email: 'bea@x' }, { email: 'ana@x' }]);
  await drained(report);
});

test('what the data does not say stays, what it says twice is once there, a generated column is the server’s', async () => {
  await taken(
    person('insert', { id: 3, city_id: 1, name: 'Cai', initial: 'X', nickname: 'C' }),
    person('insert', { id: 3, city_id: 1, name: 'Cai' }, { timestamp: at(0) }),
    person('update', { id: 1, name: 'Anna' }, { timestamp: Date.parse(at(5)) }),
  );
  const report = await apply();
  expect(report.entities[0]).toMatchObject({ name: 'people', unnamed: { nickname: 1 } });
  expect(
    await sql(source, 'select name, email, initial, changed_at from people where id in (1, 3) order by id'),
  ).toEqual([
    { name: 'Anna', email: 'ana@x', initial: 'A', changed_at: new Date(at(5)) },
    { name: 'Cai', email: null, initial: 'C', changed_at: new Date(at(0)) },
  ]);
  await drained(report);
});

describe('a row that was changed in PostgreSQL as well', () => {
  const change = (when: string) =>
    sql(source, 'update people set name = $1, changed_at = $2 where id = 1', ['Anita', when]);

  test.each([
    ['newest', at(5), 'Anita', 'source'],
    ['newest', at(0.5), 'Anna', 'contingency'],
    ['source', at(0.5), 'Anita', 'source'],
    ['contingency', at(5), 'Anna', 'contingency'],
  ] as const)('goes by the rule %s', async (rule, when, name, winner) => {
    await taken(city('update', { id: 1, name: 'LIMA' }), person('update', { id: 1, name: 'Anna' }));
    await change(when);
    const report = await apply(configOf({ contingency: { conflicts: { people: rule } } }));
    expect((await people())[0]).toMatchObject({ name });
    expect(report.conflicts).toMatchObject([
      {
        entity: 'people',
        key: { id: '1' },
        kind: 'changed',
        rule,
        winner,
        fields: expect.arrayContaining([{ name: 'name', source: 'Anita', contingency: 'Anna' }]),
      },
    ]);
    await drained(report);
  });

  test('waits for a person under the rule manual, and so do later writes of it', async () => {
    await taken(
      city('update', { id: 1, name: 'LIMA' }),
      person('update', { id: 1, name: 'Anna' }),
      person('update', { id: 1, email: 'anna@x' }),
    );
    await change(at(5));
    const config = configOf({ contingency: { conflicts: 'manual' } });
    const report = await apply(config);
    expect(report).toMatchObject({ verdict: 'left', exitCode: 1 });
    expect(effects(report)).toEqual({ undecided: 2 });
    expect(await people()).toMatchObject([{ name: 'Anita', email: 'ana@x' }, {}]);
    const path = join(report.folder, 'conflicts.ndjson');
    const [line] = (await readFile(path, 'utf8')).trim().split('\n');
    await writeFile(path, `${line!.replace('"take":null', '"take":"contingency"')}\n`);
    const decided = await apply(config, { decisions: path });
    expect(effects(decided)).toEqual({ update: 2 });
    expect(await people()).toMatchObject([{ name: 'Anna', email: 'anna@x' }, {}]);
    await drained(decided);
  });

  test('is told by the version that the write was based on', async () => {
    await taken(person('update', { id: 1, name: 'Anna' }, { readAt: '2026-01-01T00:00:00Z' }));
    const config = configOf({ contingency: { stores: { taken: { files: file, base: 'readAt' } } } });
    await change('2026-02-01T00:00:00Z');
    const report = await apply(config);
    expect(report.conflicts).toMatchObject([{ kind: 'changed', winner: 'contingency' }]);
    await drained(report);
  });

  test('is told when it is gone there, or is there where the write takes it for new', async () => {
    await sql(source, 'delete from people where id = 2');
    await reconcile(configOf(), { apply: true, deleteOrphans: true, keep: false, maxPercent: 100 });
    await taken(person('update', { id: 2, name: 'Bea II' }), person('insert', { id: 1, name: 'Otra', city_id: 2 }));
    const report = await apply(configOf({ contingency: { conflicts: 'source' } }));
    expect(report.conflicts).toMatchObject([
      { kind: 'deleted', winner: 'source', fields: expect.arrayContaining([{ name: 'name', contingency: 'Bea II' }]) },
      { kind: 'inserted', winner: 'source' },
    ]);
    expect(await people()).toEqual([{ id: 1, city_id: 1, name: 'Ana', email: 'ana@x' }]);
    await drained(report);
  });
});

describe('what PostgreSQL refuses', () => {
  const letters = async (report: DrainReport) =>
    (await readFile(report.deadLetters!, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { error: string; write: Taken & { sealed?: string } });

  test('is tried again, ends among the dead letters with what came later for it, and stops nothing else', async () => {
    await taken(
      person('update', { id: 1, name: 'Nadie' }),
      person('update', { id: 1, email: 'later@x' }),
      person('update', { id: 2, name: 'Beatriz' }),
      'no JSON at all',
      person('update', { id: 'x', name: 'no number' }),
      { entityType: 'person', operation: 'merge', data: { id: 7 } },
    );
    const waits: number[] = [];
    const report = await apply(configOf({ contingency: { tries: [0, '3s'] } }), {
      onEvent: (event) => {
        if (event.type === 'wait') waits.push(event.seconds);
      },
    });
    expect(waits).toHaveLength(1);
    expect(report).toMatchObject({ verdict: 'left', exitCode: 1, deadWrites: 5, failedWrites: 0, problems: [] });
    expect(effects(report)).toEqual({ update: 1 });
    expect(await people()).toMatchObject([{ name: 'Ana', email: 'ana@x' }, { name: 'Beatriz' }]);
    expect((await letters(report)).map(({ error }) => error).sort()).toEqual([
      expect.stringMatching(/^id: "x" is not a number/),
      expect.stringMatching(/^it is not JSON/),
      'it waited behind an earlier write of the same record',
      expect.stringMatching(/people_name_check/),
      'operation "merge" is no operation',
    ]);
    expect(await readdir(folder)).not.toContain('taken.ndjson');
  });

  const mend = () =>
    Promise.all(
      [source, copy].map((url) => sql(url, 'alter table people drop constraint if exists people_name_check')),
    );

  test('is brought back by a replay, once it is mended', async () => {
    await taken(person('update', { id: 1, name: 'Nadie' }), person('update', { id: 1, email: 'later@x' }));
    const report = await apply();
    expect(report).toMatchObject({ deadWrites: 2 });
    await mend();
    expect(await drain(configOf(), { replay: true })).toMatchObject({ verdict: 'waiting', exitCode: 1 });
    const replayed = await apply(configOf(), { replay: true });
    expect(effects(replayed)).toEqual({ update: 2 });
    expect(await people()).toMatchObject([{ name: 'Nadie', email: 'later@x' }, {}]);
    expect(await apply(configOf(), { replay: true })).toMatchObject({ verdict: 'drained', entities: [] });
  });

  test('is in time when what was wrong is mended between two tries', async () => {
    await taken(person('update', { id: 1, name: 'Nadie' }));
    const report = await apply(configOf({ contingency: { tries: [0, '50ms', '1500ms'] } }), {
      onEvent: (event) => {
        if (event.type === 'wait') void mend();
      },
    });
    expect(effects(report)).toEqual({ update: 1 });
    await drained(report);
  });

  test('keeps what is sensitive sealed, or where it is', async () => {
    const secret = 'muy-secreto-4711';
    const write = person('update', { id: 1, name: 'Nadie', secret });
    await taken(write);
    const open = await apply(configOf({ sensitive: true }));
    expect(open).toMatchObject({ verdict: 'left', deadWrites: 0, failedWrites: 1 });
    expect(await readFile(file, 'utf8')).toContain(secret);
    const key = 'ab'.repeat(32);
    const sealed = await apply(configOf({ sensitive: true, key }));
    expect(sealed).toMatchObject({ deadWrites: 1 });
    const kept = [JSON.stringify(sealed), await readFile(sealed.deadLetters!, 'utf8')];
    for (const name of await readdir(sealed.folder)) {
      if (name.includes('.')) kept.push(await readFile(join(sealed.folder, name), 'utf8'));
    }
    expect(kept.join('')).not.toContain(secret);
    await mend();
    const replayed = await apply(configOf({ sensitive: true, key }), { replay: true });
    expect(effects(replayed)).toEqual({ update: 1 });
    expect(await sql(source, 'select secret from people where id = 1')).toEqual([{ secret }]);
  });
});

describe('is refused before the first write', () => {
  const refused = async (report: DrainReport, message: RegExp, hint = /./) => {
    expect(report).toMatchObject({ verdict: 'refused', exitCode: 4 });
    expect(report.problems.at(-1)!.message).toMatch(message);
    expect(report.problems.at(-1)!.hint).toMatch(hint);
    expect(await people()).toMatchObject([{ name: 'Ana' }, { name: 'Bea' }]);
  };

  beforeEach(() => taken(person('update', { id: 1, name: 'Anna' })));

  test('into another database', async () => {
    const report = await apply(configOf({ contingency: { database: 'production' } }));
    await refused(report, /the writer's database is test_\w+, contingency.database says production/, /Correct the URL/);
  });

  test('into another cluster', async () => {
    await refused(await apply(configOf({ contingency: { system: '1' } })), /system identifier is \d+/);
    await refused(await apply(configOf({ writer: copy })), /the writer's database is/);
  });

  test('where the source is empty and a replica is not', async () => {
    await sql(copy, 'analyze');
    const saved = await people();
    await sql(source, 'delete from people');
    const report = await apply();
    expect(report).toMatchObject({ verdict: 'refused', exitCode: 4 });
    expect(report.problems[0]!.message).toMatch(/table of people is empty while copy.people holds records/);
    expect(saved).toHaveLength(2);
  });

  test('beyond the limits', async () => {
    await refused(await apply(configOf(), { maxRows: 0 }), /1 writes are more than the limit of 0/, /--max-rows 1/);
    await taken(person('delete', { id: 1 }));
    await refused(await apply(configOf(), { maxDeletes: 0 }), /1 rows to delete/, /--max-deletes 1/);
  });

  test('with words that nobody knows, unless they are to be left', async () => {
    await taken(person('update', { id: 1, name: 'Anna' }), {
      entityType: 'vehicle',
      operation: 'insert',
      data: { id: 1 },
    });
    await expect(apply()).rejects.toThrow(/1 write is about "vehicle", which names no entity with a table/);
    expect(await people()).toMatchObject([{ name: 'Ana' }, {}]);
    const report = await apply(configOf({ contingency: { leave: ['vehicle'] } }));
    expect(report).toMatchObject({ verdict: 'drained', stores: [{ waiting: 2, left: 1, settled: 1 }] });
    expect(await readFile(file, 'utf8')).toContain('vehicle');
  });

  test('without a writer, without a table, without the right to write', async () => {
    await expect(apply(configOf({ writer: null }))).rejects.toThrow(/contingency.writerUrl/);
    await sql(
      source,
      "do $$ begin create role plumbline_reader login password 'reader'; exception when duplicate_object then null; end $$",
    );
    await sql(source, 'grant select on cities, people to plumbline_reader');
    const url = new URL(source);
    [url.username, url.password] = ['plumbline_reader', 'reader'];
    await expect(apply(configOf({ writer: url.href }))).rejects.toThrow(/no permission to insert/);
    await sql(source, 'drop table people cascade');
    await expect(apply()).rejects.toThrow(/the source has no table people/);
  });

  test('while one of the stores can not be read', async () => {
    const report = await apply(
      configOf({
        contingency: { stores: { taken: { files: file }, other: { files: join(folder, 'none', 'x.ndjson') } } },
      }),
    );
    expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
    expect(report.problems[0]!.message).toMatch(/^other: read: there is no/);
    expect(await people()).toMatchObject([{ name: 'Ana' }, {}]);
  });

  test('while another drain is at work', async () => {
    await taken(person('update', { id: 1, name: 'Nadie' }));
    let second: Promise<unknown> | undefined;
    await apply(configOf({ contingency: { tries: [0, '1s'] } }), {
      onEvent: (event) => {
        if (event.type === 'wait') second = apply().catch((error: unknown) => error);
      },
    });
    expect(await second).toMatchObject({ name: 'LockedError' });
  });
});

test('a dry run says what would be done and writes nothing', async () => {
  await taken(
    person('insert', { id: 3, city_id: 1, name: 'Cai' }),
    person('update', { id: 3, name: 'Caia' }),
    person('delete', { id: 3 }),
  );
  const report = await drain(configOf({ writer: null }));
  expect(report).toMatchObject({ verdict: 'waiting', exitCode: 1, applied: false, problems: [] });
  expect(effects(report)).toEqual({ insert: 1, update: 1, delete: 1 });
  expect(await people()).toHaveLength(2);
  expect(await readFile(file, 'utf8')).not.toBe('');
});

test('a folder of files is drained in the order of time, not of files', async () => {
  const many = join(folder, 'many');
  await mkdir(many);
  const line = (name: string, second: number) =>
    `${JSON.stringify(person('update', { id: 1, name }, { entityType: 'person', timestamp: at(second) }))}\n`;
  await writeFile(join(many, 'a.ndjson'), line('second', 2) + line('fourth', 4));
  await writeFile(join(many, 'b.ndjson'), line('first', 1) + line('third', 3));
  const report = await apply(configOf({ contingency: { stores: { taken: { files: many } } } }));
  expect(effects(report)).toEqual({ update: 4 });
  expect(await people()).toMatchObject([{ name: 'fourth' }, {}]);
  expect(await readdir(many)).toEqual(['drained']);
});

test('a replica that can not be reached leaves the writes waiting, and the next drain settles them without writing again', async () => {
  await sql(source, 'create table if not exists log (n serial, name text); truncate log');
  await sql(
    source,
    `create or replace function note() returns trigger language plpgsql as $$ begin insert into log (name) values (new.name); return null; end $$;
     create trigger note after update on people for each row execute function note()`,
  );
  await taken(person('update', { id: 1, name: 'Anna' }));
  const config = configOf();
  const stores = new Map([['copy', { ...config.stores.get('copy')!, url: 'postgres://nobody@127.0.0.1:1/none' }]]);
  const report = await apply({ ...config, stores });
  expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3, unsettled: 1 });
  expect(await people()).toMatchObject([{ name: 'Anna' }, {}]);
  // What the application does meanwhile is not undone by a second drain.
  await sql(source, "update people set name = 'Ana María', changed_at = now() where id = 1");
  const again = await apply();
  expect(effects(again)).toEqual({ update: 1 });
  expect(await sql(source, 'select name from log order by n')).toEqual([{ name: 'Anna' }, { name: 'Ana María' }]);
  await drained(again);
});

test('a drain that was taken back before it was settled is drained again', async () => {
  await taken(person('update', { id: 1, name: 'Anna' }), person('delete', { id: 2 }));
  const config = configOf();
  const stores = new Map([['copy', { ...config.stores.get('copy')!, url: 'postgres://nobody@127.0.0.1:1/none' }]]);
  const report = await apply({ ...config, stores });
  expect(report).toMatchObject({ exitCode: 3, unsettled: 2 });
  expect(await undo(config, report.run, { apply: true })).toMatchObject({ exitCode: 0 });
  expect(await people()).toMatchObject([{ name: 'Ana' }, { name: 'Bea' }]);
  const again = await apply();
  expect(effects(again)).toEqual({ update: 1, delete: 1 });
  expect(await people()).toMatchObject([{ name: 'Anna' }]);
  await drained(again);
});

describe('--watch', () => {
  test('waits until PostgreSQL is back', { timeout: SLOW_MS }, async () => {
    const server = await startLocalEngine({
      kind: 'postgres',
      version: '18',
      name: 'watched',
      shortLived: true,
      durable: true,
    });
    try {
      const url = await freshPostgres('18', server.url);
      await sql(url, TABLES);
      await sql(url, "insert into cities (id, name) values (1, 'Lima')");
      await server.down();
      await taken(city('update', { id: 1, name: 'LIMA' }, { timestamp: new Date(Date.now() + 60_000).toISOString() }));
      let waits = 0;
      const watching = drainWhenBack(configOf({ url }), {
        apply: true,
        onEvent: (event) => {
          if (event.type === 'wait' && ++waits === 3) void server.up();
        },
      });
      expect(await watching).toMatchObject({ entities: [{ name: 'cities', effects: { update: 1 } }] });
      expect(waits).toBeGreaterThanOrEqual(3);
      expect(await sql(url, 'select name from cities')).toEqual([{ name: 'LIMA' }]);
    } finally {
      await server.stop();
    }
  });

  test('ends when it is interrupted', async () => {
    await taken(person('update', { id: 1, name: 'Anna' }));
    const stop = new AbortController();
    const report = await drainWhenBack(configOf({ url: 'postgres://nobody@127.0.0.1:1/none' }), {
      apply: true,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'wait') stop.abort();
      },
    });
    expect(report).toMatchObject({ verdict: 'incomplete', exitCode: 3 });
  });
});
