// The examples at work: cron's lines and the workflow's steps as their shells run them, on real servers.

import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Config, Parser } from '@oclif/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Accounts, executable, freshAccounts } from '../commands/plumbline.ts';
import { sql } from '../databases.ts';
import { examples, root, runTool } from './tools.ts';

const text = (name: string) => readFile(join(examples, name), 'utf8');

let accounts: Accounts;

/** Two servers with the same accounts, and a folder in which `plumbline` and `npx` are found. */
beforeEach(async () => {
  accounts = await freshAccounts();
  const bin = join(accounts.folder, 'bin');
  await mkdir(bin);
  const start = `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`;
  await writeFile(join(bin, 'plumbline'), start, { mode: 0o755 });
  await writeFile(join(bin, 'npx'), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
});

describe('cron', () => {
  interface Line {
    readonly env: Readonly<Record<string, string>>;
    readonly command: string;
  }

  /** The lines of the crontab with the variables above them, as cron has them; every path in the test's folder. */
  async function crontab(): Promise<readonly Line[]> {
    const { folder } = accounts;
    const here = (await text('cron/plumbline'))
      .replaceAll('/etc/plumbline', folder)
      .replaceAll(/\/var\/(lib|cache)\/plumbline/g, folder)
      .replace('/usr/local/bin', `${folder}/bin`);
    const lines = here.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const env = Object.fromEntries(
      lines.flatMap((line) => [/^(\w+)=(.*)$/.exec(line)?.slice(1) ?? []]).filter(([name]) => name),
    );
    return lines
      .filter((line) => !/^\w+=/.test(line))
      .map((line) => ({ env, command: line.split(/\s+/).slice(6).join(' ') }));
  }

  /** As cron runs a line: by its shell, with no environment but its own. What is printed would be mailed. */
  async function tick({ env, command }: Line): Promise<{ code: number; mail: string }> {
    const { code, output } = await runTool('/usr/bin/env', [
      '-i',
      ...Object.entries(env).map((pair) => pair.join('=')),
      env.SHELL!,
      '-c',
      command,
    ]);
    return { code, mail: output };
  }

  beforeEach(async () => {
    const { env } = accounts.settings;
    await writeFile(
      join(accounts.folder, 'secrets.env'),
      Object.entries(env)
        .map(([name, url]) => `${name}='${url}'\n`)
        .join(''),
    );
    const config = await readFile(join(accounts.folder, 'plumbline.yaml'), 'utf8');
    const probes =
      'health: { probes: { rows: { kind: query, server: source, query: select count(*) from accounts, warn: "< 100" } } }';
    await writeFile(join(accounts.folder, 'plumbline.yaml'), `${config}folder: \${PLUMBLINE_FOLDER}\n${probes}\n`);
  });

  test('a night in which all is well, or is put right, sends no mail; one that leaves an orphan does', async () => {
    const [, whole] = await crontab();
    expect(await tick(whole!)).toEqual({ code: 0, mail: '' });
    await sql(accounts.backup, `update accounts set owner = 'x' where id = 7`);
    expect(await tick(whole!)).toEqual({ code: 0, mail: '' });
    expect(await sql(accounts.backup, `select owner from accounts where id = 7`)).toEqual([{ owner: 'owner 7' }]);
    await sql(accounts.source, 'delete from accounts where id = 8');
    const { code, mail } = await tick(whole!);
    expect(code).toBe(1);
    expect(mail).toContain('orphan');
    expect(await readFile(join(accounts.folder, 'plumbline.prom'), 'utf8')).toMatch(
      /^plumbline_replica_drifted_records\{.*\} 1$/m,
    );
  });

  test('a repair beside another one ends with 5 and says so: no flock is needed', async () => {
    const [, whole] = await crontab();
    // Until this transaction ends, a repair that has the lock waits for the row.
    await sql(accounts.backup, `update accounts set owner = 'x' where id = 7`);
    const { Client } = (await import('pg')).default;
    const holder = new Client({ connectionString: accounts.backup });
    await holder.connect();
    await holder.query('begin; select * from accounts where id = 7 for update');
    const held = `select 1 from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`;
    const first = tick(whole!);
    await expect.poll(() => sql(accounts.source, held), { timeout: 30_000 }).not.toEqual([]);
    const second = await tick(whole!);
    await holder.query('rollback');
    await holder.end();
    expect(second.code).toBe(5);
    expect(second.mail).not.toBe('');
    expect((await first).code).toBe(0);
  });

  test('probes leave their metrics and send no mail; secrets that are missing are a mistake', async () => {
    const health = (await crontab())[2]!;
    expect(await tick(health)).toEqual({ code: 0, mail: '' });
    expect(await readFile(join(accounts.folder, 'plumbline_health.prom'), 'utf8')).toMatch(
      /^plumbline_probe_status\{.*\} 0$/m,
    );
    await writeFile(join(accounts.folder, 'secrets.env'), '');
    const { code, mail } = await tick(health);
    expect(code).toBe(2);
    expect(mail).toContain('SOURCE_URL');
  });

  test('runs of thirty days ago are removed, those since are kept', async () => {
    const line = (await crontab())[3]!;
    for (const [name, days] of [
      ['old', 32],
      ['new', 3],
    ] as const) {
      const run = join(accounts.folder, 'runs', name);
      await mkdir(run, { recursive: true });
      await writeFile(join(run, 'report.json'), '{}');
      const at = Date.now() / 1000 - days * 86_400;
      await utimes(run, at, at);
    }
    expect(await tick(line)).toEqual({ code: 0, mail: '' });
    expect(await readdir(join(accounts.folder, 'runs'))).toEqual(['new']);
  });
});

describe('GitHub Actions', () => {
  /** The step of that name, by bash as the runner has it. */
  async function step(name: string): Promise<{ code: number; summary: string; junit: string }> {
    const { jobs } = parse(await text('github/drift.yml'));
    const { run } = jobs.fresh.steps.find((step: { name?: string }) => step.name === name);
    const [script, summary] = [join(accounts.folder, 'step.sh'), join(accounts.folder, 'summary.md')];
    await writeFile(script, run);
    await writeFile(summary, '');
    const env = {
      ...accounts.settings.env,
      GITHUB_STEP_SUMMARY: summary,
      PATH: `${accounts.folder}/bin:${process.env.PATH}`,
    };
    const { code } = await runTool('bash', ['-e', script], accounts.folder, env);
    const read = (file: string) => readFile(join(accounts.folder, file), 'utf8');
    return { code, summary: await read('summary.md'), junit: await read('drift.xml') };
  }

  test('drift fails the step, with a summary for people and JUnit for the list of tests', async () => {
    await sql(accounts.backup, 'delete from accounts where id in (3, 4)');
    const { code, summary, junit } = await step('Compare');
    expect(code).toBe(1);
    expect(summary).toMatch(/^#.*2 drifted records/m);
    expect(summary).toContain('| backup.accounts |');
    expect(junit).toMatch(/<testsuites[^>]* failures="1"/);
  });

  test('without drift it passes', async () => {
    const { code, summary, junit } = await step('Compare');
    expect(code).toBe(0);
    expect(summary).toMatch(/in sync/);
    expect(junit).toMatch(/<testsuites[^>]* failures="0"/);
  });
});

test('every command line in the examples is one that plumbline takes', async () => {
  const config = await Config.load(root);
  const lines = await commandLines();
  expect(lines.length).toBeGreaterThan(8);
  for (const [name, ...words] of lines) {
    const command = await config.findCommand(name!, { must: true }).load();
    const { flags, baseFlags, args, strict } = command;
    await expect(
      Parser.parse(words, { flags: { ...baseFlags, ...flags }, args, strict }),
      [name, ...words].join(' '),
    ).resolves.toBeDefined();
  }
});

/** In words, without `plumbline`: of crontab, units, Kubernetes, workflow, Containerfile. */
async function commandLines(): Promise<string[][]> {
  const shells = await Promise.all(['cron/plumbline', 'github/drift.yml'].map(text));
  const units = await Promise.all((await readdir(join(examples, 'systemd'))).map((name) => text(`systemd/${name}`)));
  const manifests = await Promise.all(
    (await readdir(join(examples, 'kubernetes'))).map((name) => text(`kubernetes/${name}`)),
  );
  const [, words = '[]'] = /^CMD (\[.*\])$/m.exec(await text('container/Containerfile')) ?? [];
  return [
    ...shells
      .flatMap((shell) => [...shell.matchAll(/(?:exec|--no-install) plumbline ([^>|\n]+)/g)])
      .map(([, line]) => line!.trim().split(/\s+/)),
    ...units
      .flatMap((unit) => [...unit.matchAll(/^ExecStart=\S+\/plumbline (.*)$/gm)])
      .map(([, line]) => line!.split(/\s+/)),
    ...manifests.flatMap((manifest) => [...manifest.matchAll(/args: (\[.*\])/g)]).map(([, list]) => parse(list!)),
    JSON.parse(words),
  ];
}
