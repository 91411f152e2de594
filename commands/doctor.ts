import { Flags } from '@oclif/core';
import { ReportCommand } from '../cli/report-command.ts';
import { replicaArgs } from '../cli/run-flags.ts';
import { doctorAnswer } from '../reports/doctor.ts';
import { doctor } from '../src/run/doctor.ts';

export default class Doctor extends ReportCommand {
  static override summary = 'Ask every server whether it can be used: connections, permissions, tables, mappings.';
  static override description = [
    'Reads no rows beyond a sample, and writes nothing but what --self-test makes and removes in each store. Exit code:',
    '0 when all can be compared (warnings included), 2 when the configuration file can’t be used, 3 when something',
    'failed, such as a planted difference that the self-test did not find, 5 when another self-test is under way.',
  ].join(' ');
  static override examples = [
    { description: 'Everything that the configuration names:', command: '<%= config.bin %> doctor' },
    { description: 'One store:', command: '<%= config.bin %> doctor docs' },
    {
      description: 'Whether differences that are planted in a place of its own are found in each store:',
      command: '<%= config.bin %> doctor --self-test',
    },
    {
      description: 'What failed, for a program:',
      command: `<%= config.bin %> doctor --json | jq '.checks[] | select(.status == "failed")'`,
    },
  ];
  static override args = replicaArgs;
  static override flags = {
    'self-test': Flags.boolean({
      summary:
        'Plant records that differ in a place of its own in each store, find them by a check, and remove the place.',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor);
    const config = await this.openConfig(flags);
    const selfTest = flags['self-test'];
    const diagnosis = await doctor(config, { only: args.replica ?? [], selfTest, ...this.watch(flags) });
    await this.finish(doctorAnswer(diagnosis), flags);
  }
}
