import { Flags, type Interfaces } from '@oclif/core';
import { countOf, durationOf, percentOf } from '../cli/flag-values.ts';
import { ReportCommand, textfileFlag } from '../cli/report-command.ts';
import { alertFlags, flagValue, replicaArgs, runFlags, runOptions } from '../cli/run-flags.ts';
import { planAnswer } from '../reports/plan.ts';
import { check } from '../src/run/check.ts';
import { explain } from '../src/run/explain.ts';
import type { RunOptions } from '../src/run/options.ts';

export default class Check extends ReportCommand {
  static override summary = 'Compare replicas with the source and report every difference; writes nothing.';
  static override description = [
    'A difference is looked at again until it heals or has stood longer than the replica may trail, so',
    'changes in flight are not drift. Exit code: 0 in sync, 1 drift, 2 usage or configuration error, 3',
    'incomplete (a store was down, rows unread, interrupted).',
  ].join(' ');
  static override examples = [
    { description: 'Everything that the configuration names:', command: '<%= config.bin %> check' },
    { description: 'One store, and one entity in another:', command: '<%= config.bin %> check backup docs.incidents' },
    {
      description: 'What changed in the last day, as a CI job wants it:',
      command: '<%= config.bin %> check --since 1d --format junit -o plumbline.xml',
    },
    {
      description: 'Two records by key:',
      command: '<%= config.bin %> check incidents --key inc_7 --key inc_9',
    },
    {
      description: 'A key of two columns:',
      command: `<%= config.bin %> check mediciones --key '["inc_7", 4]'`,
    },
    {
      description: 'A CI gate that knows what has been accepted, and writes that down the first time:',
      command: '<%= config.bin %> check --baseline drift-baseline.json --update-baseline',
    },
    {
      description: 'From then on only new drift fails:',
      command: '<%= config.bin %> check --baseline drift-baseline.json',
    },
    {
      description: 'The records that the queue “replication” has given up on:',
      command: '<%= config.bin %> check --from-queue replication',
    },
    {
      description: 'What the outbox’s events of the last hour were about, published or not:',
      command: '<%= config.bin %> check --from-outbox --since 1h',
    },
    { description: 'How each replica would be compared, and why:', command: '<%= config.bin %> check --plan' },
  ];
  static override args = replicaArgs;
  static override flags = {
    ...runFlags,
    textfile: textfileFlag,
    baseline: Flags.string({
      summary: 'Known drift: what stands in this file is no failure until its day; anything else is new.',
      helpValue: 'FILE',
      helpGroup: 'GATE',
    }),
    'update-baseline': Flags.boolean({
      summary: 'Write the baseline anew from what is found now; entries keep their first day.',
      dependsOn: ['baseline'],
      helpGroup: 'GATE',
    }),
    expires: Flags.string({
      summary: 'With --update-baseline: how long an entry is accepted; 30d, unless told. `never` for good.',
      helpValue: '30d',
      dependsOn: ['update-baseline'],
      helpGroup: 'GATE',
    }),
    'max-drift': Flags.string({
      summary: 'Exit code 0 up to so many drifted records in all, or such a percentage of each replica.',
      helpValue: 'N|P%',
      helpGroup: 'GATE',
    }),
    ...alertFlags,
    plan: Flags.boolean({
      summary: 'Only say how each replica would be compared, and why. Reads no rows.',
      helpGroup: 'TUNING',
      exclusive: ['textfile'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Check);
    const options = { ...runOptions(args.replica, flags), ...gateOptions(flags) };
    const config = await this.openConfig(flags);
    if (flags.plan) {
      const explanation = await explain(config, { ...options, ...this.watch(flags) });
      await this.finish(planAnswer(explanation), flags);
    } else {
      const report = await check(config, { ...options, alerts: !flags['no-alerts'], ...this.watch(flags) });
      await this.finishReport(report, flags);
    }
  }
}

/** What a CI gate lets through. */
function gateOptions(flags: Interfaces.InferredFlags<typeof Check.flags>): Pick<RunOptions, 'baseline' | 'maxDrift'> {
  const expires = flagValue('expires', flags.expires, (words) =>
    words === 'never' ? Number.POSITIVE_INFINITY : durationOf(words),
  );
  return {
    baseline:
      flags.baseline === undefined ? undefined : { file: flags.baseline, update: flags['update-baseline'], expires },
    maxDrift: flagValue('max-drift', flags['max-drift'], (words) =>
      words.trim().endsWith('%') ? { percent: percentOf(words) } : { rows: countOf(words, 0) },
    ),
  };
}
