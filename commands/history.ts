import { Flags } from '@oclif/core';
import { countOf, durationOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue, replicaArgs } from '../cli/run-flags.ts';
import { historyAnswer } from '../reports/history.ts';
import { history } from '../src/run/kept-reports.ts';

export default class History extends ReportCommand {
  static override summary = 'How drift went over the kept runs, run by run and replica by replica.';
  static override description =
    'Reads the reports in the folder of the runs; asks no server. `retention` in the configuration says how long they are kept. Exit code: 0, or 2 for a usage or configuration error.';
  static override examples = [
    { description: 'The last 20 runs:', command: '<%= config.bin %> history' },
    { description: 'One replica in the last month:', command: '<%= config.bin %> history docs.incidents --since 30d' },
    { description: 'For a program:', command: '<%= config.bin %> history --last 400 --json' },
  ];
  static override args = replicaArgs;
  static override flags = {
    since: Flags.string({
      summary: 'Only runs that began at most this long ago.',
      helpValue: '30d',
      helpGroup: 'SELECTION',
    }),
    last: Flags.string({
      summary: 'So many of the newest runs; 20, unless told.',
      helpValue: 'N',
      helpGroup: 'SELECTION',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(History);
    const since = flagValue('since', flags.since, durationOf);
    const last = flagValue('last', flags.last, (words) => countOf(words, 1));
    const config = await this.openConfig(flags);
    await this.finish(historyAnswer(await history(config, { only: args.replica, since, last })), flags);
  }
}
