import { join } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { ReportCommand } from '../cli/report-command.ts';
import { drainAnswer } from '../reports/drain.ts';
import { failbackAnswer } from '../reports/failback.ts';
import { undoAnswer } from '../reports/undo.ts';
import { isDrain } from '../src/contingency/drain-report.ts';
import { isFailback } from '../src/failback/report.ts';
import { PAGE_FILE } from '../src/run/find-run.ts';
import { readReport } from '../src/run/kept-reports.ts';
import { isUndo } from '../src/undo/undo-report.ts';

export default class ReportOfRun extends ReportCommand {
  static override summary = 'Show the report of an earlier run again, in any format.';
  static override description =
    'Asks no server. Exit code: 0 when it could be shown, whatever it says; 2 for a usage or configuration error, or a run that is not kept.';
  static override examples = [
    { description: 'On the terminal:', command: '<%= config.bin %> report k3f9' },
    {
      description: 'A page for the browser, in the folder of the run:',
      command: '<%= config.bin %> report k3f9 --html',
    },
    { description: 'A page to attach to a ticket:', command: '<%= config.bin %> report k3f9 --html -o drift.html' },
    {
      description: 'Every finding as a line of JSON:',
      command: '<%= config.bin %> report 20261122-020003-k3f9 --format ndjson',
    },
  ];
  static override args = {
    run: Args.string({ required: true, description: 'The id of a run, or the end of it.' }),
  };
  static override flags = {
    html: Flags.boolean({
      summary: 'Short for --format html, to report.html in the folder of the run, unless --output says where.',
      exclusive: ['json', 'format'],
      helpGroup: 'OUTPUT',
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ReportOfRun);
    const config = await this.openConfig(flags);
    const { report, path } = await readReport(config, args.run);
    const page = flags.html ? ({ format: 'html', output: flags.output ?? join(path, PAGE_FILE) } as const) : {};
    const wanted = { ...flags, ...page };
    if (isDrain(report)) await this.finish({ ...drainAnswer(report), exitCode: 0 }, wanted);
    else if (isFailback(report)) await this.finish({ ...failbackAnswer(report), exitCode: 0 }, wanted);
    else if (isUndo(report)) await this.finish({ ...undoAnswer(report), exitCode: 0 }, wanted);
    else await this.finishReport(report, wanted, 0);
  }
}
