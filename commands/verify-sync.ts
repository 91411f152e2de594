import { Args, Flags } from '@oclif/core';
import { keyOf } from '../cli/flag-values.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { flagValue } from '../cli/run-flags.ts';
import { verifySync } from '../src/run/verify-sync.ts';

export default class VerifySync extends ReportCommand {
  static override summary = 'Look one record up in the source and in every replica, side by side.';
  static override description = [
    'Says where the record is equal, where it differs and in which fields, and what could not be asked, and',
    'the same of the records and cached results of other entities that it touches. Writes nothing without',
    '--fix, which puts right just those. A key that stands in no store at all is exit code 2: it is most',
    'likely mistyped.',
  ].join(' ');
  static override examples = [
    { description: 'One incident, everywhere:', command: '<%= config.bin %> verify-sync incidents inc_7' },
    {
      description: 'A key of two columns is a JSON array:',
      command: `<%= config.bin %> verify-sync mediciones '["inc_7", 4]'`,
    },
    {
      description: 'Every field of both sides, then put right what differs:',
      command: '<%= config.bin %> verify-sync reserva 123 --fields --fix',
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

  static override flags = {
    fields: Flags.boolean({
      summary: 'Show every field of both sides, not only those that differ.',
      helpGroup: 'OUTPUT',
    }),
    fix: Flags.boolean({ summary: 'Put right what differs, in these records alone.', helpGroup: 'REPAIR' }),
    'delete-orphans': Flags.boolean({
      summary: 'With --fix: also delete what the source does not have.',
      helpGroup: 'REPAIR',
      dependsOn: ['fix'],
    }),
    'delete-duplicates': Flags.boolean({
      summary: 'With --fix: also delete the copies of a record that are too many.',
      helpGroup: 'REPAIR',
      dependsOn: ['fix'],
    }),
    'overwrite-ahead': Flags.boolean({
      summary: 'With --fix: also overwrite records whose version is newer than the source’s.',
      helpGroup: 'REPAIR',
      dependsOn: ['fix'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VerifySync);
    const key = flagValue('key', args.key, keyOf);
    const config = await this.openConfig(flags);
    const report = await verifySync(config, args.entity, key, {
      fields: flags.fields,
      apply: flags.fix,
      deleteOrphans: flags['delete-orphans'],
      deleteDuplicates: flags['delete-duplicates'],
      overwriteAhead: flags['overwrite-ahead'],
      ...this.watch(flags),
    });
    await this.finishReport(report, flags);
  }
}
