import { Flags } from '@oclif/core';
import { countOf, percentOf, sizeOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue, resumeFlags, resumeOption, runFlags } from '../cli/run-flags.ts';
import { writeFileWhole } from '../cli/terminal.ts';
import { failbackAnswer } from '../reports/failback.ts';
import { FAILBACK_POLICIES } from '../src/config/config.ts';
import { decisionsOf, failback } from '../src/run/failback.ts';

export default class Failback extends ReportCommand {
  static override summary =
    'After a failover: merge what the promoted backup accepted into the old primary. Without --apply it only says what it would do.';
  static override description = [
    'Compares the two servers of `failback` in the configuration, row by row: what only one of them wrote since they',
    'parted is taken from it, what both wrote is a conflict and goes by the policy, and what can’t be told is left to a',
    'person. A plan file is a row a line: set "take" to "here", "there" or null, and give it back with --plan. Tables that',
    'refer to each other are written in one transaction, journalled, checked before the commit, and undone by undo. Exit',
    'code: 0 the old primary holds everything, 1 rows are left to merge or to decide, 2 usage or configuration error, 3',
    'incomplete, 4 refused before the first write, 5 another failback is at work.',
  ].join(' ');
  static override examples = [
    { description: 'What would be done (nothing is written):', command: '<%= config.bin %> failback' },
    {
      description: 'Where both sides changed a row, take the later change:',
      command: '<%= config.bin %> failback --policy newest --apply',
    },
    { description: 'A plan to read, edit and apply:', command: '<%= config.bin %> failback --write-plan plan.ndjson' },
    { description: 'The plan as it was edited:', command: '<%= config.bin %> failback --plan plan.ndjson --apply' },
    { description: 'Make both servers equal:', command: '<%= config.bin %> failback --both --apply' },
    { description: 'Go on with one that was killed:', command: '<%= config.bin %> failback --resume' },
  ];
  static override flags = {
    apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'MERGE' }),
    both: Flags.boolean({
      summary: 'Write to the promoted backup too, so that both are equal. Without it only the old primary is written.',
      helpGroup: 'MERGE',
    }),
    policy: Flags.option({
      options: FAILBACK_POLICIES,
      summary:
        'Who wins where both sides changed a row. Default: failback.policy, or manual. A table’s own rule holds.',
      helpGroup: 'MERGE',
    })(),
    plan: Flags.string({
      summary: 'Take for each row the side that this file says; --write-plan makes one.',
      helpValue: 'FILE',
      helpGroup: 'MERGE',
    }),
    'write-plan': Flags.string({
      summary: 'Write every row that differs to a file to be read and edited, and do nothing else.',
      helpValue: 'FILE',
      exclusive: ['plan', 'apply', 'resume'],
      helpGroup: 'MERGE',
    }),
    'fire-triggers': Flags.boolean({
      summary: 'Let triggers fire for merged rows; else they are kept from it, or it is refused.',
      helpGroup: 'MERGE',
    }),
    'max-rows': Flags.string({
      summary: 'Most rows to write in one table; refused (exit 4) beyond. Default: limits.maxRows, 10,000.',
      helpValue: 'N',
      helpGroup: 'MERGE',
    }),
    'max-percent': Flags.string({
      summary: 'The same in percent of the table. Default: limits.maxPercent, 10.',
      helpValue: '10',
      helpGroup: 'MERGE',
    }),
    'max-deletes': Flags.string({
      summary: 'Most rows to delete in one table; refused (exit 4) beyond. Default: limits.maxDeletes, 1,000.',
      helpValue: 'N',
      helpGroup: 'MERGE',
    }),
    'force-empty': Flags.boolean({
      summary: 'The other side’s table is right although it looks empty.',
      helpGroup: 'MERGE',
    }),
    'force-window': Flags.boolean({
      summary: 'Write outside of the maintenance window (limits.window) too.',
      helpGroup: 'MERGE',
    }),
    ...resumeFlags,
    memory: runFlags.memory,
    concurrency: runFlags.concurrency,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Failback);
    const options = {
      apply: flags.apply,
      both: flags.both,
      policy: flags.policy,
      plan: flags.plan,
      fireTriggers: flags['fire-triggers'],
      maxRows: flagValue('max-rows', flags['max-rows'], (words) => countOf(words, 0)),
      maxPercent: flagValue('max-percent', flags['max-percent'], percentOf),
      maxDeletes: flagValue('max-deletes', flags['max-deletes'], (words) => countOf(words, 0)),
      forceEmpty: flags['force-empty'],
      forceWindow: flags['force-window'],
      resume: resumeOption(flags),
      memory: flagValue('memory', flags.memory, sizeOf),
      concurrency: flagValue('concurrency', flags.concurrency, (words) => countOf(words, 1)),
    };
    const config = await this.openConfig(flags);
    const report = await failback(config, { ...options, ...this.watch(flags) });
    const file = flags['write-plan'];
    if (file !== undefined && report.exitCode < 2) {
      await writeFileWhole(file, decisionsOf(report));
      if (!flags.quiet)
        this.logToStderr(`Edit ${file}, then: plumbline failback${flags.both ? ' --both' : ''} --plan ${file} --apply`);
    }
    await this.finish(failbackAnswer(report), flags);
  }
}
