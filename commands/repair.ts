import { Args, Flags } from '@oclif/core';
import { keyOf } from '../cli/flag-values.ts';
import { repairFlags, repairOptions } from '../cli/repair-flags.ts';
import { ReportCommand, textfileFlag } from '../cli/report-command.ts';
import { flagValue, resumeFlags, resumeOption, runFlags } from '../cli/run-flags.ts';
import { writeFileWhole } from '../cli/terminal.ts';
import { UsageError } from '../cli/usage-error.ts';
import { planLine } from '../src/repair/select-findings.ts';
import { FINDING_CLASSES, type FindingClass } from '../src/report/report.ts';
import { findingsOfRun, repair } from '../src/run/repair.ts';

export default class Repair extends ReportCommand {
  static override summary = 'Apply the findings of an earlier check, after a person has read them.';
  static override description = [
    'Every finding is looked at again first; what has healed is left alone. Without --apply it only says what it would do.',
    'A plan file is a finding a line: take lines away, or set "repair" to false, and give it back with --plan. Exit code: 0',
    'all of them are right when it ended, 1 some are not, 2 usage or configuration error, 3 incomplete, 4 refused by a',
    'limit or the health gate before the first write, 5 another run holds the lock.',
  ].join(' ');
  static override examples = [
    { description: 'What would be done (nothing is written):', command: '<%= config.bin %> repair k3f9' },
    {
      description: 'Only what is missing or stale, in one replica:',
      command: '<%= config.bin %> repair k3f9 --only missing,stale --replica docs.incidents --apply',
    },
    {
      description: 'A plan to read, edit and apply:',
      command: '<%= config.bin %> repair k3f9 --write-plan plan.ndjson',
    },
    { description: 'The plan as it was edited:', command: '<%= config.bin %> repair k3f9 --plan plan.ndjson --apply' },
  ];
  static override args = {
    run: Args.string({ required: true, description: 'The id of a run, or the end of it.' }),
  };
  static override flags = {
    only: Flags.string({
      summary: `Only these classes of findings, with commas between: ${FINDING_CLASSES.filter((name) => name !== 'unread').join(', ')}.`,
      helpValue: 'A,B',
      helpGroup: 'SELECTION',
    }),
    replica: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only findings in this replica; may be given several times.',
      helpValue: 'NAME',
      helpGroup: 'SELECTION',
    }),
    key: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Only this record; may be given several times. A key of several columns is a JSON array.',
      helpValue: 'KEY',
      helpGroup: 'SELECTION',
    }),
    plan: Flags.string({
      summary: 'Only the findings that this file still wants; --write-plan makes one.',
      helpValue: 'FILE',
      helpGroup: 'SELECTION',
    }),
    'write-plan': Flags.string({
      summary: 'Write the findings to a file to be read and edited, and do nothing else.',
      helpValue: 'FILE',
      exclusive: ['plan', 'apply', 'resume'],
      helpGroup: 'SELECTION',
    }),
    ...repairFlags,
    ...resumeFlags,
    textfile: textfileFlag,
    concurrency: runFlags.concurrency,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Repair);
    const selection = {
      classes: flagValue('only', flags.only, classesOf),
      replicas: flags.replica,
      keys: flags.key?.map((words) => flagValue('key', words, keyOf)),
    };
    const options = { ...selection, ...repairOptions(flags), plan: flags.plan, resume: resumeOption(flags) };
    const config = await this.openConfig(flags);
    const file = flags['write-plan'];
    if (file === undefined) {
      await this.finishReport(await repair(config, args.run, { ...options, ...this.watch(flags) }), flags);
      return;
    }
    const lines = async function* () {
      for await (const finding of findingsOfRun(config, args.run, selection)) yield `${planLine(finding)}\n`;
    };
    await writeFileWhole(file, lines());
    if (!flags.quiet) this.logToStderr(`Edit ${file}, then: plumbline repair ${args.run} --plan ${file} --apply`);
  }
}

function classesOf(words: string): readonly FindingClass[] {
  return words.split(',').map((word) => {
    const name = FINDING_CLASSES.find((one) => one === word.trim());
    if (name === undefined || name === 'unread')
      throw new UsageError(`"${word}" is no class that can be repaired`, `Classes: ${FINDING_CLASSES.join(', ')}.`);
    return name;
  });
}
