import { Args, Flags } from '@oclif/core';
import { durationOf, portOf } from '../cli/flag-values.ts';
import { serveHealth, watchHealth } from '../cli/keep-looking.ts';
import { LiveLines, LiveScreen } from '../cli/live-health.ts';
import { type CommonFlags, ReportCommand, textfileFlag } from '../cli/report-command.ts';
import { alertFlags, flagValue } from '../cli/run-flags.ts';
import { writeTo } from '../cli/terminal.ts';
import { UsageError } from '../cli/usage-error.ts';
import { healthAnswer } from '../reports/health.ts';
import { duration } from '../reports/words.ts';
import type { Config } from '../src/config/config.ts';
import { health } from '../src/run/health.ts';
import type { RoundsOptions } from '../src/run/health-rounds.ts';

const ONE_DOCUMENT = ['json', 'format', 'output', 'textfile'];

export default class Health extends ReportCommand {
  static override summary = 'Ask every probe of the configuration how the servers are, and what flows between them.';
  static override description = [
    'All probes are asked at once, each within its own time. What can’t be asked is unknown, never fine. Writes',
    'nothing, but for what a probe’s kind says in docs/health.md. Exit code: 0 all is well (warnings included, unless',
    '--strict), 1 something failed, 2 usage or configuration error, 3 something could not be told, whatever else failed.',
    '--watch ends with that of its last look; --serve with 0 when it is told to stop.',
  ].join(' ');
  static override examples = [
    { description: 'Every probe:', command: '<%= config.bin %> health' },
    { description: 'Two of them:', command: '<%= config.bin %> health slots outbox' },
    { description: 'What a repair waits for; warnings count:', command: '<%= config.bin %> health --gates --strict' },
    { description: 'A live view, a look every ten seconds:', command: '<%= config.bin %> health --watch --every 10s' },
    { description: 'For Prometheus, on this machine alone:', command: '<%= config.bin %> health --serve' },
    { description: 'In a container:', command: '<%= config.bin %> health --serve --host 0.0.0.0' },
    {
      description: 'What is not well, for a program:',
      command: `<%= config.bin %> health --json | jq '.probes[] | select(.status != "ok")'`,
    },
  ];
  static override args = {
    probe: Args.string({ multiple: true, description: 'Their names under health.probes; all, unless told.' }),
  };
  static override flags = {
    gates: Flags.boolean({ summary: 'Only the probes that a repair waits for (gate: true).', helpGroup: 'SELECTION' }),
    ...alertFlags,
    strict: Flags.boolean({ summary: 'A warning counts as a failure.', helpGroup: 'SELECTION' }),
    textfile: textfileFlag,
    watch: Flags.boolean({
      summary: 'Keep looking: a live view on a terminal; piped, a line for each change of state.',
      helpGroup: 'KEEP LOOKING',
      exclusive: ['serve', ...ONE_DOCUMENT],
    }),
    serve: Flags.boolean({
      summary: 'Keep looking, and answer over HTTP: /metrics for Prometheus, /livez, /readyz.',
      helpGroup: 'KEEP LOOKING',
      exclusive: ONE_DOCUMENT,
    }),
    every: Flags.string({
      summary: 'From one look to the next. Default: 5s with --watch, 15s with --serve.',
      helpValue: '10s',
      helpGroup: 'KEEP LOOKING',
    }),
    host: Flags.string({
      summary: 'Where --serve listens; 127.0.0.1, unless told. It asks for no password: keep strangers out yourself.',
      helpGroup: 'KEEP LOOKING',
      dependsOn: ['serve'],
    }),
    port: Flags.string({
      summary: 'The port of it; 7586, unless told. 0: any that is free.',
      helpValue: 'N',
      helpGroup: 'KEEP LOOKING',
      dependsOn: ['serve'],
    }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Health);
    const every = flagValue('every', flags.every, durationOf);
    if (every !== undefined && !flags.watch && !flags.serve) throw new UsageError('--every needs --watch or --serve');
    const listening = { host: flags.host ?? '127.0.0.1', port: flagValue('port', flags.port, portOf) ?? 7586 };
    const config = await this.openConfig(flags);
    const { signal } = this;
    const options = { only: args.probe ?? [], gates: flags.gates, strict: flags.strict, signal };
    const alerts = !flags['no-alerts'];
    // Who watches sees it.
    if (flags.watch) await this.watchHealth(config, { ...options, every: every ?? 5000 }, flags);
    else if (flags.serve) {
      const rounds = { ...options, alerts, every: every ?? 15_000, onEvent: this.runLog?.listener };
      await serveHealth(config, rounds, listening, (url) => this.sayWhere(url, rounds, flags));
      this.runLog?.end(0, { message: 'stopped' });
    } else {
      const report = await health(config, { ...options, alerts, ...this.watch(flags) });
      this.runLog?.health(report);
      await this.finish(healthAnswer(report), flags);
    }
  }

  private async watchHealth(config: Config, options: RoundsOptions, flags: CommonFlags): Promise<void> {
    const { stdout, env } = process;
    if (!stdout.isTTY || env.TERM === 'dumb') {
      process.exitCode = (await watchHealth(config, options, new LiveLines(stdout, flags.quiet))).exitCode;
      return;
    }
    const screen = new LiveScreen(stdout, { every: options.every, colour: this.colours(stdout).isColorSupported });
    await this.finish(healthAnswer(await watchHealth(config, options, screen)), flags);
  }

  private async sayWhere(url: string, { every }: RoundsOptions, { quiet }: CommonFlags): Promise<void> {
    if (quiet) return;
    const words = `Listening on ${url} (/metrics, /livez, /readyz), a look every ${duration(every / 1000)}. Ctrl-C ends.`;
    await writeTo(process.stderr, [`${words}\n`]);
  }
}
