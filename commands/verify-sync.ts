import { Args } from '@oclif/core';
import { keyOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue } from '../cli/run-flags.ts';
import { verifySync } from '../src/run/verify-sync.ts';

export default class VerifySync extends ReportCommand {
  static override summary = 'Look one record up in the source and in every replica, side by side; writes nothing.';
  static override description = [
    'Says where the record is equal, where it differs and in which fields, and what could not be asked. A',
    'key that stands in no store at all is exit code 2: it is most likely mistyped.',
  ].join(' ');
  static override examples = [
    { description: 'One incident, everywhere:', command: '<%= config.bin %> verify-sync incidents inc_7' },
    {
      description: 'A key of two columns is a JSON array:',
      command: `<%= config.bin %> verify-sync mediciones '["inc_7", 4]'`,
    },
    {
      description: 'For a program:',
      command: `<%= config.bin %> verify-sync incidents inc_7 --json | jq -r '.replicas[] | [.name, .status] | @tsv'`,
    },
    { description: 'A key that begins with a dash:', command: '<%= config.bin %> verify-sync accounts -- -40' },
  ];
  static override args = {
    entity: Args.string({ required: true, description: 'Its name in the configuration.' }),
    key: Args.string({ required: true, description: 'As plain text; of several columns, a JSON array of its parts.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VerifySync);
    const key = flagValue('key', args.key, keyOf);
    const config = await this.openConfig(flags);
    const report = await verifySync(config, args.entity, key, this.watch(flags));
    await this.finishReport(report, flags);
  }
}
