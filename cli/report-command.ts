// What the commands that answer with a document share: the configuration, the format, the place that it goes to, progress.

import { Flags, type Interfaces } from '@oclif/core';
import type { Answer } from '../reports/answer.ts';
import { FORMATS, type Format, REPORT_FORMATS, type ReportFormat, renderers } from '../reports/index.ts';
import { prometheus } from '../reports/prometheus.ts';
import { oneLine, shorten } from '../reports/text.ts';
import { markPaint } from '../reports/theme.ts';
import { verdictMark, verdictText } from '../reports/verdict.ts';
import type { Config } from '../src/config/config.ts';
import { readConfig } from '../src/read.ts';
import type { Finding, Report } from '../src/report/report.ts';
import { EXIT } from '../src/report/verdict.ts';
import { exposedFiles } from '../src/run/exposed-files.ts';
import { readLastRuns } from '../src/run/last-runs.ts';
import type { RunOptions } from '../src/run/options.ts';
import { readFindings } from '../src/run/run-folder.ts';
import { BaseCommand } from './base-command.ts';
import { type Failure, redacted } from './failure.ts';
import { LOG_LEVELS, RunLog } from './log.ts';
import { Progress } from './progress.ts';
import { hideSecrets, redact } from './redaction.ts';
import { checkOutput, wantsColour, widthOf, writeFileWhole, writeTo } from './terminal.ts';
import { checkTextfile, writeTextfile } from './textfile.ts';
import { UsageError } from './usage-error.ts';

export const textfileFlag = Flags.string({
  summary: 'Also write metrics to this .prom file, for the textfile collector of node_exporter.',
  helpValue: 'FILE',
  helpGroup: 'OUTPUT',
});

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
    also: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Also write the report to a file in another format; may be given several times.',
      helpValue: 'FORMAT=FILE',
      helpGroup: 'OUTPUT',
    }),
    log: Flags.string({
      summary: 'Add what happens to a file, as lines of JSON; - for stderr.',
      env: 'PLUMBLINE_LOG',
      helpValue: 'FILE',
      helpGroup: 'OUTPUT',
    }),
    'log-level': Flags.option({
      options: LOG_LEVELS,
      summary: 'The least that --log writes.',
      default: 'info' as const,
      env: 'PLUMBLINE_LOG_LEVEL',
      helpGroup: 'OUTPUT',
    })(),
  };

  /** What --log asks for. */
  protected runLog: RunLog | undefined;
  private opened: Config | undefined;

  /** Checks what can be checked before anything is connected. */
  protected async openConfig(flags: CommonFlags & TextfileFlags): Promise<Config> {
    formatOf(flags);
    if (flags.output !== undefined) await checkOutput('output', flags.output);
    for (const { file } of alsoOf(flags)) await checkOutput('also', file);
    if (flags.textfile !== undefined) await checkTextfile(flags.textfile);
    if (flags.log !== undefined) this.runLog = await RunLog.open(flags.log, flags['log-level'], this.id ?? '');
    const config = await readConfig(flags.config, process.env);
    hideSecrets(config);
    this.opened = config;
    this.connected = true;
    // Doctor has it among its answers.
    if (this.id !== 'doctor') await this.warnOfExposure(config);
    return config;
  }

  private async warnOfExposure(config: Config): Promise<void> {
    const { stderr } = process;
    for (const { file, isWritable, message, hint } of await exposedFiles(config)) {
      if (!isWritable) continue;
      const mark = markPaint(this.colours(stderr), '!')('!');
      await writeTo(stderr, [`${mark} ${oneLine(`${file}: ${message}: ${hint}`)}\n`]);
    }
  }

  /** What a run needs to be watched and interrupted. Progress shows only on a terminal, and never beside lines for programs. */
  protected watch(flags: CommonFlags): Pick<RunOptions, 'signal' | 'onEvent'> {
    const { stderr } = process;
    const shows = stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet && !flags.json && flags.log !== '-';
    if (shows) this.progress = new Progress(stderr, { redact });
    const { signal, progress, runLog } = this;
    return {
      signal,
      onEvent: (event) => {
        progress?.listener(event);
        runLog?.listener(event);
      },
    };
  }

  protected override failed(failure: Failure): void {
    this.runLog?.failed(redacted(failure, redact));
  }

  /** `exitCode`: the report's own, unless another is what the command comes to. */
  protected async finishReport(
    report: Report,
    flags: CommonFlags & TextfileFlags,
    exitCode = report.exitCode,
  ): Promise<void> {
    this.runLog?.report(report);
    const findings = () => (report.folder === null ? findingsOf(report) : readFindings(report.folder));
    const render = (format: ReportFormat) => (width: number, colour: boolean) =>
      renderers[format](report, { width, colour, findings });
    await this.finish(
      {
        render: {
          ...Object.fromEntries(REPORT_FORMATS.map((format) => [format, render(format)])),
          prometheus: () => lastRunMetrics(this.opened!),
        },
        mark: verdictMark(report),
        sentence: `${verdictText(report)}.`,
        exitCode,
      },
      flags,
    );
  }

  /** Writes the answer where it is wanted and sets the exit code, as the last thing of all. */
  protected async finish(answer: Answer, flags: CommonFlags & TextfileFlags): Promise<void> {
    this.progress?.stop();
    const format = formatOf(flags);
    const render = renderOf(answer, format);
    const also = alsoOf(flags).map(({ format, file }) => ({ file, render: renderOf(answer, format) }));
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
    for (const { file, render } of also) await writeFileWhole(file, render(widthOf(stdout, env), false));
    if (flags.textfile !== undefined) await writeTextfile(flags.textfile, answer.render.prometheus!(0, false));
    this.runLog?.end(answer.exitCode, { message: answer.sentence });
    process.exitCode = await this.exitWithLog(answer.exitCode);
  }

  /** Who reads the log must not take what it lacks for what was well. */
  private async exitWithLog(exitCode: number): Promise<number> {
    const trouble = this.runLog?.trouble;
    if (trouble === undefined) return exitCode;
    await writeTo(process.stderr, [`✖ The log is incomplete: ${oneLine(trouble)}\n`]);
    return exitCode === EXIT.inSync ? EXIT.incomplete : exitCode;
  }
}

interface TextfileFlags {
  readonly textfile?: string;
}

export type CommonFlags = Interfaces.InferredFlags<typeof ReportCommand.baseFlags>;

function formatOf(flags: CommonFlags): Format {
  if (flags.json && flags.format !== undefined && flags.format !== 'json') {
    throw new UsageError(`--json and --format ${flags.format} exclude each other`);
  }
  return flags.json ? 'json' : (flags.format ?? 'table');
}

/** `junit=drift.xml` */
function alsoOf({ also = [] }: CommonFlags): readonly { readonly format: Format; readonly file: string }[] {
  return also.map((words) => {
    const [, word, file] = /^([^=]+)=(.+)$/s.exec(words) ?? [];
    const format = FORMATS.find((known) => known === word);
    if (format !== undefined && file !== undefined) return { format, file };
    throw new UsageError(`--also ${words}: write FORMAT=FILE`, `Formats: ${FORMATS.join(', ')}.`);
  });
}

function renderOf(answer: Answer, format: Format): NonNullable<Answer['render'][Format]> {
  const render = answer.render[format];
  if (render !== undefined) return render;
  throw new UsageError(`there is no ${format} of this, only ${Object.keys(answer.render).join(' and ')}`);
}

/** Of all replicas: a scrape or a file that held only those of this run would end the others' series. */
async function* lastRunMetrics(config: Config): AsyncGenerator<string> {
  yield* prometheus({ lastRuns: await readLastRuns(config) });
}

async function* findingsOf(report: Report): AsyncGenerator<Finding> {
  for (const replica of report.replicas) yield* replica.findings;
}
