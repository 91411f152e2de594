// The backups probe on real files: what is wrong is named by the reading that it belongs to, and by no other.

import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ProbeReport } from '../../../src/health/health-report.ts';
import { checksumOf } from '../../../src/health/probes/backups/checksum.ts';
import { parseConfig } from '../../../src/index.ts';
import { freshPostgres, sql } from '../../databases.ts';
import { askProbes, fileWith, wrongIn } from './ask-probes.ts';
import { type BackupSet, backupSet, flipByte, NOW, type Record, sha256, write, writeSidecars } from './backup-set.ts';

let source: string;

beforeAll(async () => {
  source = await freshPostgres();
});

/** Every probe at once, at noon of that Wednesday unless told otherwise. */
function ask(folder: string, probes: { [name: string]: object }, now = NOW): Promise<readonly ProbeReport[]> {
  return askProbes({ probes, env: { SOURCE: source }, folder, now });
}

/** By a manifest beside the files. */
async function look(set: BackupSet, words: object = {}, now = NOW): Promise<ProbeReport> {
  const lines = [...set.records.values()].map((record) => JSON.stringify(record));
  await writeFile(join(set.folder, 'manifest.ndjson'), lines.join('\n'));
  const [report] = await ask(set.folder, { nightly: { kind: 'backups', manifest: 'manifest.ndjson', ...words } }, now);
  return report!;
}

const figure = ({ readings }: ProbeReport, name: string) =>
  readings.flatMap(({ metrics = [] }) => metrics).find((metric) => metric.name === name)?.value;

describe('healthy is green, wherever the backups are recorded', () => {
  const pattern = 'ha-{kind}-{time}.dump';

  test('in a manifest, as lines or as one array', async () => {
    const set = await backupSet();
    const report = await look(set);
    expect(report.status).toBe('ok');
    expect(report.readings.map(({ subject }) => subject)).toEqual([
      'latest',
      'freshness',
      'rotation',
      'size',
      'files',
      'checksums',
    ]);
    expect(figure(report, 'backup_age_seconds')).toBe(9 * 3600 + 40 * 60);
    expect(figure(report, 'backup_rotation_gaps')).toBe(0);
    expect(figure(report, 'backup_rotation_days')).toBe(6);
    await writeFile(join(set.folder, 'all.json'), JSON.stringify([...set.records.values()]));
    expect(wrongIn(await look(set, { manifest: 'all.json' }))).toEqual({});
  });

  test('by the names of files, with checksums beside them', async () => {
    const set = await backupSet();
    await writeSidecars(set);
    const probe = { kind: 'backups', folder: '.', pattern };
    const [report] = await ask(set.folder, { nightly: { ...probe, checksums: 3 } });
    expect(wrongIn(report!)).toEqual({});
    expect(figure(report!, 'backup_checksums_checked')).toBe(3);
  });

  test('in a table, with names and words of their own', async () => {
    const set = await backupSet();
    await sql(source, 'create table backups (clase text, fin timestamptz, bytes bigint, ruta text, md5 text)');
    for (const { type, finished_at, size, file, sha256 } of set.records.values()) {
      const word = { full: 'F', incremental: 'I', differential: 'D' }[type];
      await sql(source, 'insert into backups values ($1, $2, $3, $4, $5)', [
        word,
        finished_at,
        size,
        join(set.folder, file!),
        sha256,
      ]);
    }
    const [report] = await ask('/nowhere', {
      nightly: {
        kind: 'backups',
        server: 'source',
        query: 'select * from backups',
        fields: { kind: 'clase', finished: 'fin', size: 'bytes', file: 'ruta', checksum: 'md5' },
        kinds: { F: 'full', I: 'incremental', D: 'differential' },
      },
    });
    expect(wrongIn(report!)).toEqual({});
  });
});

describe('one damage, one reading', () => {
  type Damage = (set: BackupSet) => Promise<unknown> | unknown;
  const change = (day: string, facts: Partial<Record>) => (set: BackupSet) =>
    Object.assign(set.records.get(day)!, facts);

  test.each<[string, Damage, string, string]>([
    [
      'a day without its backup',
      (set) => set.records.delete('2026-11-20'),
      'rotation',
      'failed: no incremental or differential of Fri 2026-11-20',
    ],
    [
      'a Monday without its full one',
      change('2026-11-23', { type: 'incremental' }),
      'rotation',
      'failed: no full of Mon 2026-11-23 (only incremental)',
    ],
    [
      'a day whose backup failed',
      change('2026-11-24', { status: 'failed' }),
      'rotation',
      'failed: no incremental or differential of Tue 2026-11-24 (only incremental failed)',
    ],
    [
      'a run that never ended',
      change('2026-11-24', { status: 'running', finished_at: null }),
      'rotation',
      'failed: no incremental or differential of Tue 2026-11-24 (only incremental running)',
    ],
    [
      'a truncated file',
      (set) => truncate(set.path('2026-11-25'), 1000),
      'files',
      'failed: FOLDER/ha-incremental-20261125T0200.dump has 1,000 bytes, recorded 4,030 bytes',
    ],
    [
      'a file that is gone',
      (set) => rm(set.path('2026-11-23')),
      'files',
      'failed: FOLDER/ha-full-20261123T0200.dump is missing',
    ],
    [
      'an empty file of which no size is known',
      async (set) => {
        await truncate(set.path('2026-11-25'), 0);
        set.records.get('2026-11-25')!.size = null;
      },
      'files',
      'failed: FOLDER/ha-incremental-20261125T0200.dump is empty',
    ],
    [
      'a changed byte',
      (set) => flipByte(set.path('2026-11-25')),
      'checksums',
      'failed: FOLDER/ha-incremental-20261125T0200.dump has the sha256 COMPUTED…, recorded RECORDED…',
    ],
    [
      'a full one of a tenth of its size',
      async (set) => {
        const bytes = Buffer.alloc(4_001, 'x');
        await write(set.path('2026-11-23'), bytes, +NOW - 1e8);
        Object.assign(set.records.get('2026-11-23')!, { size: bytes.length, sha256: sha256(bytes) });
      },
      'size',
      'failed: full of Mon 2026-11-23 has 4 kB, 10 % of the median of 2 earlier ones (fails at 25 %)',
    ],
    [
      'a full one of two fifths of its size',
      async (set) => {
        const bytes = Buffer.alloc(16_004, 'x');
        await write(set.path('2026-11-23'), bytes, +NOW - 1e8);
        Object.assign(set.records.get('2026-11-23')!, { size: bytes.length, sha256: sha256(bytes) });
      },
      'size',
      'warning: full of Mon 2026-11-23 has 16 kB, 40 % of the median of 2 earlier ones (warns at 50 %)',
    ],
    [
      'the last run failed',
      change('2026-11-25', { status: 'error' }),
      'latest',
      'failed: incremental of Wed 2026-11-25 02:00 failed',
    ],
    [
      'no checksum is recorded',
      change('2026-11-25', { sha256: null }),
      'checksums',
      'unknown: no checksum of FOLDER/ha-incremental-20261125T0200.dump is recorded',
    ],
    ['no file is named', change('2026-11-20', { file: null }), 'files', 'unknown: record 11 names no file'],
    [
      'a file on another machine',
      change('2026-11-20', { file: 's3://backups/ha.dump' }),
      'files',
      'unknown: s3://backups/ha.dump is no file of this machine',
    ],
  ])('%s', async (_, damage, subject, words) => {
    const set = await backupSet();
    await damage(set);
    const report = await look(set);
    const wrong = wrongIn(report);
    expect(Object.keys(wrong)).toEqual([subject]);
    const shown = wrong[subject]!.replaceAll(set.folder, 'FOLDER').replace(
      /sha256 [\da-f]{12}…, recorded [\da-f]{12}…/,
      'sha256 COMPUTED…, recorded RECORDED…',
    );
    expect(shown).toBe(words);
    expect(report.readings.find((reading) => reading.subject === subject)!.status).toBe(report.status);
  });

  test('a changed byte and a truncated file are named with no record but checksums beside the files', async () => {
    const set = await backupSet();
    await writeSidecars(set);
    const probe = { kind: 'backups', folder: set.folder, pattern: 'ha-{kind}-{time}.dump' };
    await flipByte(set.path('2026-11-25'));
    const [flipped] = await ask('/nowhere', { nightly: probe });
    expect(Object.keys(wrongIn(flipped!))).toEqual(['checksums']);
    await truncate(set.path('2026-11-25'), 500);
    const [cut] = await ask('/nowhere', { nightly: probe });
    expect(Object.keys(wrongIn(cut!))).toEqual(['checksums']);
  });
});

describe('time goes by', () => {
  test('a job that no longer runs: not fresh, and the rotation has gaps', async () => {
    const set = await backupSet();
    expect(wrongIn(await look(set, { days: 0 }, new Date('2026-11-27T20:00:00Z')))).toEqual({
      freshness:
        'warning: the newest complete one, incremental of Wed 2026-11-25 02:00, is 2 d 18 h old (warns at 2 d 12 h)',
    });
    const later = await look(set, {}, new Date('2026-11-29T12:00:00Z'));
    expect(wrongIn(later)).toMatchObject({
      freshness: expect.stringMatching(/^failed: .* 4 d 10 h old \(fails at 3 d 12 h\)/),
      rotation:
        'failed: no incremental or differential of Thu 2026-11-26; no incremental or differential of Fri 2026-11-27; no incremental or differential of Sat 2026-11-28',
    });
    expect(figure(later, 'backup_rotation_gaps')).toBe(3);
    expect(wrongIn(await look(set, { days: 0, age: { warn: '1h', fail: '30d' } }))).toMatchObject({
      freshness: expect.stringMatching(/^warning/),
    });
  });

  test('one that runs is no failure, and its day no gap; after half a day it warns', async () => {
    const set = await backupSet();
    Object.assign(set.records.get('2026-11-25')!, { status: 'running', finished_at: null, size: null, sha256: null });
    const running = await look(set, {}, new Date('2026-11-26T00:30:00Z'));
    expect(wrongIn(running)).toEqual({
      latest: 'warning: incremental of Wed 2026-11-25 02:00 has been running for 22 h 30 min (warns at 12 h)',
    });
    expect(figure(running, 'backup_running_seconds')).toBe(22.5 * 3600);
    expect(wrongIn(await look(set))).toEqual({});
    expect(Object.keys(wrongIn(await look(set, {}, new Date('2026-11-26T02:00:00Z'))))).toEqual(['latest', 'rotation']);
  });

  test('a file that is still being written is one that runs', async () => {
    const set = await backupSet();
    await write(set.path('2026-11-25'), Buffer.alloc(100), +NOW - 60_000);
    const probe = { kind: 'backups', folder: set.folder, pattern: 'ha-{kind}-{time}.dump', checksums: 0 };
    const [report] = await ask('/nowhere', { nightly: probe });
    expect(wrongIn(report!)).toEqual({});
    expect(report!.readings[0]!.message).toBe('incremental of Wed 2026-11-25 02:00 has been running for 10 h');
    const [later] = await ask('/nowhere', { nightly: probe }, new Date(+NOW + 600_000));
    expect(Object.keys(wrongIn(later!))).toEqual(['size']);
  });

  test('a day ends when it ends in that place', async () => {
    const set = await backupSet();
    const records = [...set.records.values()];
    // At 03:00 UTC it is 22:00 of the day before in Lima: each backup is of another day there.
    for (const record of records) {
      record.started_at = record.started_at!.replace('T02', 'T03');
      record.finished_at = null;
      record.status = 'ok';
    }
    const week = {
      sunday: 'full',
      monday: 'incremental',
      tuesday: 'incremental',
      wednesday: ['differential'],
      thursday: ['differential'],
      friday: 'differential',
    };
    expect(wrongIn(await look(set, { timeZone: 'America/Lima', rotation: week }))).toEqual({});
    expect(wrongIn(await look(set, { timeZone: 'America/Lima' }))).toHaveProperty('rotation');
    // Wednesday's is not there yet: in UTC the day is over, in Lima it lasts for another hour.
    const evening = new Date('2026-11-26T04:00:00Z');
    expect(wrongIn(await look(set, { timeZone: 'America/Lima', rotation: week }, evening))).toEqual({});
    expect(wrongIn(await look(set, { rotation: { wednesday: 'differential' } }, evening))).toHaveProperty('rotation');
    const night = new Date('2026-11-26T05:00:00Z');
    expect(wrongIn(await look(set, { timeZone: 'America/Lima', rotation: week }, night))).toHaveProperty('rotation');
  });
});

describe('what can’t be known is unknown', () => {
  test.each<[string, Partial<Record>, string]>([
    ['a kind that is none', { type: 'wal' }, 'type "wal" is no kind of backup'],
    ['no time', { started_at: null, finished_at: null }, 'has neither started_at nor finished_at'],
    ['a time that is none', { started_at: 'last night' }, 'started_at "last night" is no time'],
    [
      'a time in the future',
      { finished_at: '2027-01-01T00:00:00Z' },
      'finished_at 2027-01-01T00:00:00.000Z is in the future',
    ],
    ['a status that is none', { status: 'maybe' }, 'status "maybe" is not known'],
    ['a size that is none', { size: -1 }, 'size "-1" is no number of bytes'],
    ['a checksum that is none', { sha256: 'abc' }, 'sha256 is no checksum'],
  ])('a record with %s', async (_, facts, reason) => {
    const set = await backupSet();
    Object.assign(set.records.get('2026-11-20')!, facts);
    const report = await look(set);
    expect(report.status).toBe('unknown');
    expect(wrongIn(report)).toEqual({
      rotation: 'unknown: no incremental or differential of Fri 2026-11-20, as far as the records can be read',
      records: `unknown: can’t be read: ha-differential-20261120T0200.dump ${reason}`,
    });
  });

  test('a line that is no JSON, a manifest or a folder that is not there, a server that refuses', async () => {
    const set = await backupSet();
    await writeFile(join(set.folder, 'broken.ndjson'), '{"type": "full"\n[1]\n');
    const probe = { kind: 'backups' };
    const reports = await ask(set.folder, {
      broken: { ...probe, manifest: 'broken.ndjson' },
      gone: { ...probe, manifest: 'gone.json' },
      nowhere: { ...probe, folder: 'gone', pattern: '{time}.dump' },
      refused: { ...probe, server: 'source', query: 'select * from nowhere' },
    });
    expect(reports.map(({ status }) => status)).toEqual(Array(4).fill('unknown'));
    expect(wrongIn(reports[0]!).records).toMatch(/record 1 is no JSON object, and 1 more/);
  });

  test('none at all is a failure: they are gone, or the probe looks in the wrong place', async () => {
    const set = await backupSet();
    const [report] = await ask(set.folder, { nightly: { kind: 'backups', folder: '.', pattern: 'x-{time}.dump' } });
    expect(wrongIn(report!).freshness).toBe('failed: no complete backup is known');
  });
});

describe('a large file', () => {
  test('is given up in time, keeps nobody waiting, and everything else is still told', async () => {
    const set = await backupSet();
    await truncate(set.path('2026-11-25'), 200e9);
    set.records.get('2026-11-25')!.size = 200e9;
    await look(set, { checksums: 0 });
    const began = performance.now();
    const reports = await ask(set.folder, {
      nightly: { kind: 'backups', manifest: 'manifest.ndjson', timeout: '5s' },
      number: { kind: 'query', server: 'source', query: 'select 1' },
    });
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(reports[1]!.status).toBe('ok');
    const wrong = wrongIn(reports[0]!);
    expect(Object.keys(wrong)).toEqual(['checksums']);
    expect(wrong.checksums).toMatch(/^unknown: .*: only \S+ .B of 200 GB could be read in \S+ m?s$/);
  });

  test('that has not changed is not read again, and is as soon as it has', async () => {
    const set = await backupSet();
    const path = set.path('2026-11-25');
    const { sha256: recorded } = set.records.get('2026-11-25')!;
    const again = () => checksumOf(path, 'sha256', AbortSignal.abort());
    await expect(again()).rejects.toThrow('not read to its end');
    expect(wrongIn(await look(set))).toEqual({});
    expect(await again()).toBe(recorded);
    await flipByte(path);
    await expect(again()).rejects.toThrow('not read to its end');
    expect(Object.keys(wrongIn(await look(set)))).toEqual(['checksums']);
  });
});

test('a file says one place where backups are listed, and only words that mean something', () => {
  const probes = {
    none: { kind: 'backups' },
    two: { kind: 'backups', server: 'source', query: 'select 1', manifest: 'x' },
    half: { kind: 'backups', server: 'source' },
    words: {
      kind: 'backups',
      folder: 'x',
      pattern: 'ha',
      timeZone: 'Mars',
      rotation: { monday: 'fulll' },
      size: { warn: '200%' },
    },
  };
  const messages: string[] = [];
  try {
    parseConfig(fileWith(probes), 'plumbline.yaml', { SOURCE: source });
  } catch (error) {
    messages.push(
      ...(error as { problems: { path: string; message: string }[] }).problems.map(
        ({ path, message }) => `${path}: ${message}`,
      ),
    );
  }
  const place = 'say where the backups are listed: `server` with `query`, or `manifest`, or `folder` with `pattern`';
  expect(messages).toEqual([
    `health.probes.none: ${place}`,
    `health.probes.two: ${place}`,
    `health.probes.half: ${place}`,
    'health.probes.words.pattern: says nowhere {time}',
    'health.probes.words.timeZone: is no time zone; write UTC or America/Lima',
    'health.probes.words.rotation.monday: must be full, incremental or differential',
    'health.probes.words.size.warn: is no percentage; write 50%',
  ]);
});
