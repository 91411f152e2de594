// What is wrong before anything is connected: the command line and the configuration file.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, freshFolder, plumbline } from './plumbline.ts';

let folder: string;

beforeAll(async () => {
  folder = await freshFolder();
});

describe('the command line', () => {
  test.each([
    [['check', '--sicne', '7d'], 'did you mean --since?'],
    [['chekc'], 'did you mean check?'],
    [['check', '--format', 'xml'], 'table, json, ndjson, junit, markdown'],
    [['check', '--since', '7'], '--since: "7" is no duration'],
    [['check', '--sample', '0.01'], 'with its sign'],
    [['check', '--memory', '512'], '--memory: "512" is no size'],
    [['check', '--concurrency', '0'], '--concurrency'],
    [['check', '--key', '1', '--since', '7d'], '--key and --since exclude each other'],
    [['check', '-o', 'no/such/folder/report.xml'], 'there is no folder no/such/folder'],
    [['check', '-o', '.'], 'is a folder'],
    [['reconcile', '--max-percent', '200'], '--max-percent: "200" is no percentage'],
    [['reconcile', '--delete-orphans', '--since', '7d'], 'sees no orphans'],
    [['verify-sync', 'accounts'], 'key'],
    [['verify-sync', 'accounts', '1', '2'], 'Unexpected argument: 2'],
    [['demo', '--rows', '3'], '--rows: "3" is no number of at least 200'],
  ])('%j is exit code 2 and says %s', async (words, said) => {
    const { code, stdout, stderr } = await plumbline(words, { cwd: folder });
    expect(stderr).toContain(said);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('--key [1 is no JSON array, but may be a plain key', async () => {
    const { stderr } = await plumbline(['check', '--key', '[1'], { cwd: folder });
    expect(stderr).toContain('plumbline.yaml: there is no such file');
  });

  test('--json with another format is a contradiction', async () => {
    const { code, stdout } = await plumbline(['check', '--json', '--format', 'junit'], { cwd: folder });
    expect(JSON.parse(stdout).error.message).toContain('exclude each other');
    expect(code).toBe(2);
  });

  test('an unknown command is JSON as well where JSON was asked for', async () => {
    const { code, stdout, stderr } = await plumbline(['chekc', '--json'], { cwd: folder });
    expect(JSON.parse(stdout).error.message).toContain('did you mean check?');
    expect([code, stderr]).toEqual([2, '']);
  });

  test('words after -- are no flags', async () => {
    const { code, stderr } = await plumbline(['verify-sync', 'accounts', '--', '--json'], { cwd: folder });
    expect(stderr).toContain('there is no such file');
    expect(code).toBe(2);
  });
});

describe('help', () => {
  test.each([
    'check',
    'reconcile',
    'verify-sync',
    'doctor',
    'demo',
  ])('of %s fits 80 columns, shows examples and exits with 0', async (name) => {
    for (const words of [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
    ]) {
      const { code, stdout, stderr } = await plumbline(words);
      expect(code).toBe(0);
      expect(stderr).toBe('');
      expect(stdout).toContain('EXAMPLES');
      expect(stdout).toContain(`$ plumbline ${name}`);
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(84);
    }
  });

  test('without a command names them all', async () => {
    const { code, stdout } = await plumbline([]);
    expect(code).toBe(0);
    for (const name of ['check', 'reconcile', 'verify-sync', 'doctor', 'demo']) expect(stdout).toContain(`  ${name} `);
  });
});

describe('the configuration', () => {
  test('is told with every problem, its place and a hint', async () => {
    await writeFile(join(folder, 'bad.yaml'), CONFIG.replace('replicas', 'replica'));
    const { code, stdout, stderr } = await plumbline(['check', '-c', 'bad.yaml'], {
      cwd: folder,
      env: { SOURCE_URL: 'postgres://a@b/c' },
    });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('bad.yaml: 2 problems');
    expect(stderr).toMatch(/^ {2}6:10 +stores\.backup\.url +environment variable BACKUP_URL is not set$/m);
    expect(stderr).toMatch(/^ {2}11:5 +entities\.accounts\.replica +unknown key; did you mean "replicas"\?$/m);
    expect(stderr).toMatch(/Nothing was connected or changed\. +exit 2\n$/);
  });

  test('is a JSON document on stdout where JSON was asked for', async () => {
    for (const words of [['--json'], ['--format', 'json'], ['--format=json']]) {
      const { code, stdout, stderr } = await plumbline(['check', ...words, '-c', 'absent.yaml'], { cwd: folder });
      expect(code).toBe(2);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject({
        error: { name: 'ConfigError', file: 'absent.yaml', problems: [{ message: 'there is no such file' }] },
        exitCode: 2,
      });
    }
  });

  test('can be named by the environment', async () => {
    const { stderr } = await plumbline(['check'], { cwd: folder, env: { PLUMBLINE_CONFIG: 'elsewhere.yaml' } });
    expect(stderr).toContain('elsewhere.yaml');
  });

  test('JSON of an unknown flag', async () => {
    const { code, stdout, stderr } = await plumbline(['check', '--json', '--sicne', '7d'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ error: { name: 'UsageError' }, exitCode: 2 });
  });

  test('NDJSON of an error is one line', async () => {
    const { stdout } = await plumbline(['check', '--format', 'ndjson'], { cwd: folder });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'error', exitCode: 2 });
  });
});
