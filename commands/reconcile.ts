import { Flags } from '@oclif/core';
import { countOf, percentOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue, replicaArgs, runFlags, runOptions } from '../cli/run-flags.ts';
import { UsageError } from '../cli/usage-error.ts';
import { reconcile } from '../src/run/reconcile.ts';

export default class Reconcile extends ReportCommand {
  static override summary = 'Check, and put right what drifted. Without --apply it only says what it would do.';
  static override description = [
    'Each record is looked at again on both sides just before it is written, written only if it has not',
    'moved meanwhile, and read back. Fields that the configuration does not name are never touched. Exit',
    'code: 0 in sync when it ended, 1 drift remains, 2 usage or configuration error, 3 incomplete, 4',
    'refused by a limit before the first write, 5 another run holds the lock.',
  ].join(' ');
  static override examples = [
    { description: 'What a repair would do (nothing is written):', command: '<%= config.bin %> reconcile' },
    { description: 'The nightly job:', command: '<%= config.bin %> reconcile --since 2d --apply --quiet' },
    {
      description: 'One replica, and let go what the source does not have:',
      command: '<%= config.bin %> reconcile docs.incidents --apply --delete-orphans',
    },
    {
      description: 'After an incident, with a higher limit and the source’s word over newer copies:',
      command: '<%= config.bin %> reconcile backup --apply --overwrite-ahead --max-percent 40',
    },
  ];
  static override args = replicaArgs;
  static override flags = {
    ...runFlags,
    apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'REPAIR' }),
    'delete-orphans': Flags.boolean({
      summary: 'Also delete records that the source does not have.',
      helpGroup: 'REPAIR',
    }),
    'delete-duplicates': Flags.boolean({
      summary: 'Also delete the copies of a record that are too many.',
      helpGroup: 'REPAIR',
    }),
    'overwrite-ahead': Flags.boolean({
      summary: 'Also overwrite records whose version is newer than the source’s.',
      helpGroup: 'REPAIR',
    }),
    'max-rows': Flags.string({
      summary: 'Most records to write in one replica; refused (exit 4) beyond. Default: limits.maxRows, 10,000.',
      helpValue: 'N',
      helpGroup: 'REPAIR',
    }),
    'max-percent': Flags.string({
      summary: 'The same in percent of the replica. Default: limits.maxPercent, 10.',
      helpValue: '10',
      helpGroup: 'REPAIR',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Reconcile);
    const options = {
      ...runOptions(args.replica, flags),
      apply: flags.apply,
      deleteOrphans: flags['delete-orphans'],
      deleteDuplicates: flags['delete-duplicates'],
      overwriteAhead: flags['overwrite-ahead'],
      maxRows: flagValue('max-rows', flags['max-rows'], (words) => countOf(words, 0)),
      maxPercent: flagValue('max-percent', flags['max-percent'], percentOf),
    };
    if (flags['delete-orphans'] && (flags.since ?? flags.sample) !== undefined) {
      throw new UsageError(
        '--delete-orphans sees no orphans with --since or --sample',
        'Compare whole replicas for it.',
      );
    }
    const config = await this.openConfig(flags);
    const report = await reconcile(config, { ...options, ...this.watch(flags) });
    await this.finishReport(report, flags);
  }
}
