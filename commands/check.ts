import { Flags } from '@oclif/core';
import { ReportCommand } from '../cli/report-command.ts';
import { replicaArgs, runFlags, runOptions } from '../cli/run-flags.ts';
import { planAnswer } from '../reports/plan.ts';
import { check } from '../src/run/check.ts';
import { explain } from '../src/run/explain.ts';

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
    { description: 'How each replica would be compared, and why:', command: '<%= config.bin %> check --plan' },
  ];
  static override args = replicaArgs;
  static override flags = {
    ...runFlags,
    plan: Flags.boolean({
      summary: 'Only say how each replica would be compared, and why. Reads no rows.',
      helpGroup: 'TUNING',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Check);
    const options = runOptions(args.replica, flags);
    const config = await this.openConfig(flags);
    if (flags.plan) {
      const explanation = await explain(config, { ...options, ...this.watch(flags) });
      await this.finish(planAnswer(explanation), flags);
    } else {
      const report = await check(config, { ...options, ...this.watch(flags) });
      await this.finishReport(report, flags);
    }
  }
}
