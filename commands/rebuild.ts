import { Args, Flags } from '@oclif/core';
import { countOf, sizeOf } from '../cli/flag-values.ts';
import { gateFlags, gateOptions } from '../cli/repair-flags.ts';
import { ReportCommand, textfileFlag } from '../cli/report-command.ts';
import { alertFlags, flagValue, resumeFlags, resumeOption, runFlags } from '../cli/run-flags.ts';
import { rebuild } from '../src/run/rebuild.ts';

export default class Rebuild extends ReportCommand {
  static override summary = 'Regenerate one replica from the source. Without --apply it only says what it would do.';
  static override description = [
    'A MongoDB collection is filled beside the live one, with its options and indexes, compared with the',
    'source, and put in its place by one rename; other replicas are mended in place, in small',
    'transactions, and what the source does not have is removed last. Readers never see it half done. The',
    'limits of a repair do not hold here, its health gate does. Killed in between, the same command goes on where it was.',
  ].join(' ');
  static override examples = [
    {
      description: 'What differs now (nothing is written):',
      command: '<%= config.bin %> rebuild docs.host_statistics',
    },
    { description: 'Build it anew and swap it in:', command: '<%= config.bin %> rebuild docs.host_statistics --apply' },
    { description: 'A graph, in place:', command: '<%= config.bin %> rebuild graph.BOOKED_IN --apply' },
  ];
  static override args = {
    replica: Args.string({ required: true, description: 'Its name, such as docs.host_statistics.' }),
  };
  static override flags = {
    apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'REBUILD' }),
    'in-place': Flags.boolean({
      summary: 'Mend the records where they stand, even where they could be built beside.',
      helpGroup: 'REBUILD',
    }),
    'discard-unmapped': Flags.boolean({
      summary: 'Let go of fields that the configuration does not name; else such a replica is not built anew.',
      helpGroup: 'REBUILD',
    }),
    textfile: textfileFlag,
    ...resumeFlags,
    ...gateFlags,
    ...alertFlags,
    memory: runFlags.memory,
    workers: runFlags.workers,
    concurrency: runFlags.concurrency,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Rebuild);
    const options = {
      ...gateOptions(flags),
      alerts: !flags['no-alerts'],
      apply: flags.apply,
      inPlace: flags['in-place'],
      discardUnmapped: flags['discard-unmapped'],
      resume: resumeOption(flags),
      memory: flagValue('memory', flags.memory, sizeOf),
      workers: flagValue('workers', flags.workers, (words) => countOf(words, 0)),
      concurrency: flagValue('concurrency', flags.concurrency, (words) => countOf(words, 1)),
    };
    const config = await this.openConfig(flags);
    const report = await rebuild(config, args.replica, { ...options, ...this.watch(flags) });
    await this.finishReport(report, flags);
  }
}
