import { ReportCommand } from '../cli/report-command.ts';
import { replicaArgs } from '../cli/run-flags.ts';
import { doctorAnswer } from '../reports/doctor.ts';
import { doctor } from '../src/run/doctor.ts';

export default class Doctor extends ReportCommand {
  static override summary = 'Ask every server whether it can be used: connections, permissions, tables, mappings.';
  static override description = [
    'Writes nothing and reads no rows beyond a sample. Exit code: 0 when all can be compared (warnings',
    'included), 2 when the configuration file can’t be used, 3 when something failed.',
  ].join(' ');
  static override examples = [
    { description: 'Everything that the configuration names:', command: '<%= config.bin %> doctor' },
    { description: 'One store:', command: '<%= config.bin %> doctor docs' },
    {
      description: 'What failed, for a program:',
      command: `<%= config.bin %> doctor --json | jq '.checks[] | select(.status == "failed")'`,
    },
  ];
  static override args = replicaArgs;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Doctor);
    const config = await this.openConfig(flags);
    const diagnosis = await doctor(config, { only: args.replica ?? [], ...this.watch(flags) });
    await this.finish(doctorAnswer(diagnosis), flags);
  }
}
