import { Flags } from '@oclif/core';
import { repairFlags, repairOptions } from '../cli/repair-flags.ts';
import { ReportCommand, textfileFlag } from '../cli/report-command.ts';
import { alertFlags, replicaArgs, runFlags, runOptions } from '../cli/run-flags.ts';
import { UsageError } from '../cli/usage-error.ts';
import { reconcile } from '../src/run/reconcile.ts';

export default class Reconcile extends ReportCommand {
  static override summary = 'Check, and put right what drifted. Without --apply it only says what it would do.';
  static override description = [
    'Each record is looked at again on both sides just before it is written, written only if it has not',
    'moved meanwhile, and read back. Fields that the configuration does not name are never touched. While a',
    'probe with gate: true fails or can’t be asked, nothing is written. Exit code: 0 in sync when it ended, 1',
    'drift remains, 2 usage or configuration error, 3 incomplete, 4 refused by a limit or the health gate',
    'before the first write, 5 another run holds the lock.',
  ].join(' ');
  static override examples = [
    { description: 'What a repair would do (nothing is written):', command: '<%= config.bin %> reconcile' },
    { description: 'The nightly job:', command: '<%= config.bin %> reconcile --since 2d --apply --quiet' },
    {
      description: 'The same, once replication has caught up, with a log for programs:',
      command: '<%= config.bin %> reconcile --since 2d --apply --wait 10m --quiet --log /var/log/plumbline.ndjson',
    },
    {
      description: 'One replica, and let go what the source does not have:',
      command: '<%= config.bin %> reconcile docs.incidents --apply --delete-orphans',
    },
    {
      description:
        'What the queue gave up on: repair it, and take the jobs off the queue whose records are then equal:',
      command: '<%= config.bin %> reconcile --from-queue replication --apply --settle remove',
    },
    {
      description: 'After an incident, with a higher limit and the source’s word over newer copies:',
      command: '<%= config.bin %> reconcile backup --apply --overwrite-ahead --max-percent 40',
    },
  ];
  static override args = replicaArgs;
  static override flags = {
    ...runFlags,
    textfile: textfileFlag,
    ...repairFlags,
    settle: Flags.option({
      options: ['retry', 'remove', 'mark'] as const,
      summary:
        'With --from-queue: retry or remove the failed jobs whose every record is equal in every replica afterwards. With --from-outbox: mark such events as published. All others are left.',
      helpGroup: 'REPAIR',
    })(),
    ...alertFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Reconcile);
    const options = {
      ...runOptions(args.replica, flags),
      ...repairOptions(flags),
      settle: flags.settle,
      alerts: !flags['no-alerts'],
    };
    if (flags['delete-orphans'] && options.from === undefined && (flags.since ?? flags.sample) !== undefined) {
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
