import { Args, Flags } from '@oclif/core';
import { keyOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue } from '../cli/run-flags.ts';
import { undoAnswer } from '../reports/undo.ts';
import { undo } from '../src/run/undo.ts';

export default class Undo extends ReportCommand {
  static override summary =
    'Put back what a run replaced, from its journal. Without --apply it only says what it would do.';
  static override description = [
    'The last write is undone first. A record that has changed since the run wrote it is left alone and named.',
    'An undo is a run with a journal of its own, so it can be undone too. Exit code: 0 all is as it was before',
    'that run, 1 something was left alone, 2 usage or configuration error, 3 incomplete, 5 another run holds the lock.',
  ].join(' ');
  static override examples = [
    { description: 'What would be put back (nothing is written):', command: '<%= config.bin %> undo k3f9' },
    { description: 'Put it back:', command: '<%= config.bin %> undo 20261122-020003-k3f9 --apply' },
    {
      description: 'One replica, or one record of it:',
      command: '<%= config.bin %> undo k3f9 --replica docs.incidents --key inc_7 --apply',
    },
  ];
  static override args = {
    run: Args.string({ required: true, description: 'The id of a run, or the end of it.' }),
  };
  static override flags = {
    apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'UNDO' }),
    replica: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only what was written to this replica; may be given several times.',
      helpValue: 'NAME',
      helpGroup: 'UNDO',
    }),
    key: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only this record; may be given several times. A key of several columns is a JSON array.',
      helpValue: 'KEY',
      helpGroup: 'UNDO',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Undo);
    const keys = flags.key?.map((words) => flagValue('key', words, keyOf));
    const config = await this.openConfig(flags);
    const { apply, replica: replicas } = flags;
    const report = await undo(config, args.run, { apply, replicas, keys, ...this.watch(flags) });
    await this.finish(undoAnswer(report), flags);
  }
}
