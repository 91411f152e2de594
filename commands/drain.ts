import { Flags } from '@oclif/core';
import { countOf, momentOf } from '../cli/flag-values.ts';
import { gateFlags, gateOptions } from '../cli/repair-flags.ts';
import { ReportCommand } from '../cli/report-command.ts';
import { alertFlags, flagValue } from '../cli/run-flags.ts';
import { drainAnswer } from '../reports/drain.ts';
import { drain } from '../src/run/drain.ts';
import { drainWhenBack } from '../src/run/drain-when-back.ts';

export default class Drain extends ReportCommand {
  static override summary =
    'After an outage: bring back to PostgreSQL what other stores took meanwhile. Without --apply it only says what it would do.';
  static override description = [
    'The writes of all contingency stores of the configuration go into the source in the order of time, each once, then to',
    'every replica, and are marked where they waited. A row that was changed in PostgreSQL as well is a conflict: a rule',
    'decides, and both values are kept for review. What PostgreSQL refuses is tried again later and ends among the dead',
    'letters. Exit code: 0 nothing waits any more, 1 something waits or is left, 2 usage or configuration error, 3',
    'incomplete, 4 refused before the first write, 5 another run holds the lock.',
  ].join(' ');
  static override examples = [
    {
      description: 'What waits, and what would become of it (nothing is written):',
      command: '<%= config.bin %> drain',
    },
    { description: 'Bring it back:', command: '<%= config.bin %> drain --apply' },
    {
      description: 'Started during the outage: waits for PostgreSQL, then brings everything back:',
      command: '<%= config.bin %> drain --apply --watch',
    },
    { description: 'Go on after a kill or Ctrl-C:', command: '<%= config.bin %> drain --apply --resume' },
    {
      description: 'After a person has filled in `take` in each conflict:',
      command: '<%= config.bin %> drain --apply --decisions conflicts.ndjson',
    },
    { description: 'Try the dead letters again:', command: '<%= config.bin %> drain --replay --apply' },
  ];
  static override flags = {
    apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'DRAIN' }),
    watch: Flags.boolean({
      summary: 'Wait until PostgreSQL is back and takes writes (looks every contingency.interval, 30s), then start.',
      helpGroup: 'DRAIN',
    }),
    from: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only this contingency store; may be given several times. What waits elsewhere may be older.',
      helpValue: 'NAME',
      helpGroup: 'DRAIN',
    }),
    'outage-began': Flags.string({
      summary:
        'When PostgreSQL went away: what changed in it later is a conflict. Default: the first write that waits.',
      helpValue: '2026-11-22T01:14:00Z',
      helpGroup: 'DRAIN',
    }),
    decisions: Flags.string({
      summary: 'A conflicts.ndjson whose `take` says source or contingency: decides about these writes.',
      helpValue: 'FILE',
      helpGroup: 'DRAIN',
    }),
    replay: Flags.boolean({
      summary: 'The dead letters of earlier drains, in place of what waits in the stores.',
      helpGroup: 'DRAIN',
      exclusive: ['from', 'watch'],
    }),
    'overwrite-ahead': Flags.boolean({
      summary: 'Also overwrite records of replicas whose version is newer than the source’s.',
      helpGroup: 'DRAIN',
    }),
    'max-rows': Flags.string({
      summary: 'Most writes to bring back; refused (exit 4) beyond. Default: limits.maxRows, 10,000.',
      helpValue: 'N',
      helpGroup: 'DRAIN',
    }),
    'max-deletes': Flags.string({
      summary: 'Most deletes among them; refused (exit 4) beyond. Default: limits.maxDeletes, 1,000.',
      helpValue: 'N',
      helpGroup: 'DRAIN',
    }),
    rate: Flags.string({
      summary: 'Most writes a second. Default: limits.rate, or as fast as it goes.',
      helpValue: 'N',
      helpGroup: 'DRAIN',
    }),
    'force-empty': Flags.boolean({ summary: 'The source is right although it looks empty.', helpGroup: 'DRAIN' }),
    'force-window': Flags.boolean({
      summary: 'Write outside of the maintenance window (limits.window) too.',
      helpGroup: 'DRAIN',
    }),
    resume: Flags.boolean({
      summary: 'Go on with the last drain that was stopped, with the flags that it had.',
      helpGroup: 'DRAIN',
    }),
    run: Flags.string({
      summary: 'With --resume: the id of that run, or the end of it.',
      helpValue: 'RUN',
      dependsOn: ['resume'],
      helpGroup: 'DRAIN',
    }),
    ...gateFlags,
    ...alertFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Drain);
    const options = {
      apply: flags.apply,
      stores: flags.from,
      began: flagValue('outage-began', flags['outage-began'], momentOf),
      decisions: flags.decisions,
      replay: flags.replay,
      overwriteAhead: flags['overwrite-ahead'],
      maxRows: flagValue('max-rows', flags['max-rows'], (words) => countOf(words, 0)),
      maxDeletes: flagValue('max-deletes', flags['max-deletes'], (words) => countOf(words, 0)),
      rate: flagValue('rate', flags.rate, (words) => countOf(words, 1)),
      forceEmpty: flags['force-empty'],
      forceWindow: flags['force-window'],
      resume: flags.resume ? (flags.run ?? (true as const)) : undefined,
      alerts: !flags['no-alerts'],
      ...gateOptions(flags),
    };
    const config = await this.openConfig(flags);
    const asked = { ...options, ...this.watch(flags) };
    const report = await (flags.watch ? drainWhenBack(config, asked) : drain(config, asked));
    await this.finish(drainAnswer(report), flags);
  }
}
