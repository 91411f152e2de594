// What the commands that answer with a document share: the configuration, the format, the place that it goes to, progress.

import { Flags, type Interfaces } from '@oclif/core';
import type { Answer } from '../reports/answer.ts';
import { FORMATS, type Format, renderers } from '../reports/index.ts';
import { shorten } from '../reports/text.ts';
import { markPaint } from '../reports/theme.ts';
import { verdictMark, verdictText } from '../reports/verdict.ts';
import type { Config } from '../src/config/config.ts';
import { readConfig } from '../src/read.ts';
import type { Finding, Report } from '../src/report/report.ts';
import type { RunOptions } from '../src/run/options.ts';
import { readFindings } from '../src/run/run-folder.ts';
import { BaseCommand } from './base-command.ts';
import { Progress } from './progress.ts';
import { hideSecrets, redact } from './redaction.ts';
import { checkOutput, wantsColour, widthOf, writeFileWhole, writeTo } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export abstract class ReportCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    config: Flags.string({
      char: 'c',
      summary: 'The configuration file.',
      default: 'plumbline.yaml',
      env: 'PLUMBLINE_CONFIG',
      helpValue: 'FILE',
      helpGroup: 'GLOBAL',
    }),
    json: Flags.boolean({
      summary: 'Short for --format json; errors are JSON on stdout as well.',
      helpGroup: 'OUTPUT',
    }),
    format: Flags.option({
      options: FORMATS,
      summary: 'How the report is written; table, unless told.',
      helpGroup: 'OUTPUT',
    })(),
    output: Flags.string({
      char: 'o',
      summary: 'Write the report to a file instead of stdout; it appears there whole or not at all.',
      helpValue: 'FILE',
      helpGroup: 'OUTPUT',
    }),
  };

  /** Checks what can be checked before anything is connected. */
  protected async openConfig(flags: CommonFlags): Promise<Config> {
    formatOf(flags);
    if (flags.output !== undefined) await checkOutput(flags.output);
    const config = await readConfig(flags.config, process.env);
    hideSecrets(config);
    this.connected = true;
    return config;
  }

  /** What a run needs to be watched and interrupted. Progress shows only on a terminal, and never beside a document for programs. */
  protected watch(flags: CommonFlags): Pick<RunOptions, 'signal' | 'onEvent'> {
    const { signal } = this;
    const { stderr } = process;
    if (!stderr.isTTY || process.env.TERM === 'dumb' || flags.quiet || flags.json) return { signal };
    this.progress = new Progress(stderr, { redact });
    return { signal, onEvent: this.progress.listener };
  }

  protected async finishReport(report: Report, flags: CommonFlags): Promise<void> {
    const findings = () => (report.folder === null ? findingsOf(report) : readFindings(report.folder));
    const render = (format: Format) => (width: number, colour: boolean) =>
      renderers[format](report, { width, colour, findings });
    await this.finish(
      {
        render: Object.fromEntries(FORMATS.map((format) => [format, render(format)])),
        mark: verdictMark(report),
        sentence: `${verdictText(report)}.`,
        exitCode: report.exitCode,
      },
      flags,
    );
  }

  /** Writes the answer where it is wanted and sets the exit code, as the last thing of all. */
  protected async finish(answer: Answer, flags: CommonFlags): Promise<void> {
    this.progress?.stop();
    const format = formatOf(flags);
    const render = answer.render[format];
    if (render === undefined) {
      throw new UsageError(`there is no ${format} of this, only ${Object.keys(answer.render).join(' and ')}`);
    }
    const { stdout, stderr, env } = process;
    const noColour = flags['no-color'];
    if (flags.output !== undefined) {
      await writeFileWhole(flags.output, render(widthOf(stdout, env), false));
      if (!flags.quiet) {
        const mark = markPaint(this.colours(stderr), answer.mark)(answer.mark);
        const sentence = shorten(answer.sentence, Math.max(40, widthOf(stderr, env) - 24 - flags.output.length));
        await writeTo(stderr, [`${mark} ${sentence} Report: ${flags.output} (exit ${answer.exitCode})\n`]);
      }
    } else if (!(flags.quiet && format === 'table' && answer.exitCode === 0)) {
      await writeTo(stdout, render(widthOf(stdout, env), wantsColour(stdout, noColour, env)));
    }
    process.exitCode = answer.exitCode;
  }
}

export type CommonFlags = Interfaces.InferredFlags<typeof ReportCommand.baseFlags>;

function formatOf(flags: CommonFlags): Format {
  if (flags.json && flags.format !== undefined && flags.format !== 'json') {
    throw new UsageError(`--json and --format ${flags.format} exclude each other`);
  }
  return flags.json ? 'json' : (flags.format ?? 'table');
}

async function* findingsOf(report: Report): AsyncGenerator<Finding> {
  for (const replica of report.replicas) yield* replica.findings;
}
