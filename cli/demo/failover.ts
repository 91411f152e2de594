// The third act: a primary and its standby, on servers of its own. The standby is promoted, both take writes, and failback brings them together.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExpectedRow, HAPPENINGS } from '../../fixtures/failover/damages.ts';
import { fixturePath } from '../../fixtures/failover/paths.ts';
import { type FailoverServers, letHappen, startFailover } from '../../fixtures/failover/servers.ts';
import { failbackTable } from '../../reports/failback.ts';
import type { Config } from '../../src/config/config.ts';
import { InterruptedError, StoreError, wordsOf } from '../../src/errors.ts';
import { type DecisionLine, readDecisionLines } from '../../src/failback/decision.ts';
import type { FailbackReport } from '../../src/failback/report.ts';
import { parseConfig } from '../../src/read.ts';
import { check } from '../../src/run/check.ts';
import { type FailbackOptions, failback } from '../../src/run/failback.ts';
import type { Servers } from './servers.ts';
import type { Story } from './story.ts';
import type { PlayOptions, System } from './system.ts';

export function failover(_servers: Servers): System {
  return {
    name: 'failover',
    title: 'failover: a promoted standby, and an old primary that wrote on',
    stores: ['here', 'there'],
    // Its servers are gone when the act is over.
    environment: {},
    configText: () => readFile(fixturePath('plumbline.yaml'), 'utf8'),
    play: async (story, _size, options) => {
      story.step('Start a primary and its standby, and promote the standby');
      const started = performance.now();
      const servers = await startFailover('18').catch((cause: unknown) => {
        throw new StoreError('demo', 'start servers', wordsOf(cause), { cause });
      });
      try {
        story.done('the standby is a primary now, and the old primary does not know it', started);
        await play(story, servers, options);
      } finally {
        await servers.stop();
      }
    },
  };
}

async function play(story: Story, servers: FailoverServers, options: PlayOptions): Promise<void> {
  const text = await readFile(fixturePath('plumbline.yaml'), 'utf8');
  const read = parseConfig(text, 'plumbline.yaml', { ...servers.environment });
  const config: Config = { ...read, folder: options.folder };
  const run = async (given: FailbackOptions): Promise<FailbackReport> => {
    if (options.signal.aborted) throw new InterruptedError();
    const report = await failback(config, { ...given, signal: options.signal, onEvent: options.onEvent });
    options.beforeTelling();
    return report;
  };

  story.step('Let applications write to both');
  story.list(
    `${HAPPENINGS.length} things happen`,
    HAPPENINGS.map(({ name }) => name),
    6,
  );
  await letHappen(servers);

  story.step('Failback: what would be done?');
  story.command('plumbline failback');
  let since = performance.now();
  const dry = await run({});
  story.block([...failbackTable(dry, story.width, false)].join(''));
  story.expect('each row is told for what happened to it, and no other is touched', await wrongIn(dry), since);

  story.step('Merge both ways, and decide what only a person can');
  story.command('plumbline failback --both --apply --max-percent 100');
  since = performance.now();
  const merged = await run({ both: true, apply: true, maxPercent: 100 });
  const open = HAPPENINGS.flatMap(({ expect }) => expect).filter(({ take }) => take === null).length;
  const left = merged.tables.reduce((sum, table) => sum + table.open + (table.unexplained ?? 0), 0);
  story.expect(
    `all is merged but for ${open} rows, sequences are moved, and ${merged.checks.made} constraints and counts hold`,
    [
      ...(left === open ? [] : [`${left} rows are left`]),
      ...merged.problems.map(({ message }) => message),
      ...merged.takenBack.flatMap(({ errors }) => errors),
      ...merged.checks.wrong.map(({ table, name }) => `${table}: ${name}`),
    ],
    since,
  );
  const plan = join(options.folder, 'plan.ndjson');
  story.command('plumbline failback --both --write-plan plan.ndjson');
  const lines = (await linesOf(await run({ both: true }))).map((line) => ({ ...line, take: line.take ?? 'here' }));
  await writeFile(plan, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  story.command('plumbline failback --both --plan plan.ndjson --apply --max-percent 100');
  const decided = await run({ both: true, apply: true, plan, maxPercent: 100 });
  story.expect('with the plan as a person edited it, nothing is left', decided.exitCode === 0 ? [] : [decided.verdict]);

  story.step('Check: are they equal?');
  story.command('plumbline check');
  since = performance.now();
  const checked = await check(config, { signal: options.signal, keep: false });
  story.expect('both servers are in sync', checked.exitCode === 0 ? [] : [checked.verdict], since);
}

async function linesOf({ folder }: FailbackReport): Promise<readonly DecisionLine[]> {
  const lines: DecisionLine[] = [];
  for await (const line of readDecisionLines(join(folder, 'rows.ndjson'))) lines.push(line);
  return lines;
}

/** What was decided otherwise than it should be. */
async function wrongIn(report: FailbackReport): Promise<string[]> {
  const words = ({ table, state, take }: Pick<ExpectedRow, 'table' | 'state' | 'take'>, key: readonly string[]) =>
    `${table} ${key.join(', ')}: ${state}, ${take ?? 'open'}`;
  const isKeyed = new Set(HAPPENINGS.flatMap(({ expect }) => expect.flatMap(({ key, table }) => (key ? [table] : []))));
  const found = (await linesOf(report)).map((line) =>
    words(line, isKeyed.has(line.table) ? Object.values(line.key) : []),
  );
  const wanted = HAPPENINGS.flatMap(({ expect }) => expect).map((row) => words(row, row.key ?? []));
  return [
    ...wanted.filter((one) => !found.includes(one)).map((one) => `expected ${one}`),
    ...found.filter((one) => !wanted.includes(one)).map((one) => `found ${one}`),
  ];
}
