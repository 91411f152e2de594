import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { countOf } from '../cli/flag-values.ts';
import { Progress } from '../cli/progress.ts';
import { flagValue } from '../cli/run-flags.ts';
import { wantsColour, widthOf } from '../cli/terminal.ts';
import { UsageError } from '../cli/usage-error.ts';

/** Each damage has records of its own. */
const FEWEST_ROWS = 200;

export default class Demo extends BaseCommand {
  static override summary = 'Start servers, damage the copies on them in every known way, find and repair it all.';
  static override description = [
    'Starts PostgreSQL 18 as the source and, as far as they can be had, PostgreSQL 15, MongoDB, Cassandra, Oracle, Neo4j',
    'and Redis (stand-ins for some of them where Docker does not run); fills them with two example systems, and holds',
    'what plumbline says against what was planted; then promotes the standby of a third, lets both servers take writes, and',
    'brings them together. What could not be started is named, with how to get it; where CI is',
    'set in the environment, all have to start. Servers and data are gone afterwards. Exit code: 0 when every',
    'expectation held, 1 when one did not, 3 when it was interrupted or a server that has to run could not be started.',
  ].join(' ');
  static override examples = [
    { description: 'All of it:', command: '<%= config.bin %> demo' },
    { description: 'One of the three systems:', command: '<%= config.bin %> demo --only reservas' },
    { description: 'Larger, with other rows:', command: '<%= config.bin %> demo --rows 20000 --seed 3' },
    { description: 'Leave the servers running to play with:', command: '<%= config.bin %> demo --keep' },
  ];
  static override flags = {
    rows: Flags.string({
      summary: 'Incidents, and reservations (at least 2,000); the other tables follow.',
      default: '2000',
      helpValue: 'N',
    }),
    seed: Flags.string({ summary: 'The same seed makes the same rows.', default: '1', helpValue: 'N' }),
    only: Flags.option({ options: ['georiesgo', 'reservas', 'failover'] as const, summary: 'Only this system.' })(),
    stores: Flags.string({ summary: 'Only these, beside the source: docs,graph. Default: all.', helpValue: 'A,B' }),
    keep: Flags.boolean({ summary: 'Keep the servers running at the end, until Ctrl-C.' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Demo);
    const rows = flagValue('rows', flags.rows, (words) => countOf(words, FEWEST_ROWS));
    const seed = flagValue('seed', flags.seed, (words) => countOf(words, 0));
    // The drivers are only loaded by who runs it.
    const { Story } = await import('../cli/demo/story.ts');
    const { STORES } = await import('../cli/demo/servers.ts');
    const { ACTS, runDemo } = await import('../cli/demo/demo.ts');
    const { stdout, stderr, env } = process;
    const story = new Story(
      (text) => stdout.write(text),
      widthOf(stdout, env),
      wantsColour(stdout, flags['no-color'], env),
    );
    const shows = stderr.isTTY && env.TERM !== 'dumb' && !flags.quiet;
    await runDemo(story, {
      rows,
      seed,
      acts: flags.only === undefined ? ACTS : [flags.only],
      stores:
        flags.stores === undefined ? STORES : flagValue('stores', flags.stores, (words) => namesOf(words, STORES)),
      keep: flags.keep,
      signal: this.signal,
      onEvent: (event) => {
        if (shows) this.progress ??= new Progress(stderr);
        this.progress?.listener(event);
      },
      beforeTelling: () => {
        this.progress?.stop();
        this.progress = undefined;
      },
    });
    process.exitCode = story.failures.length === 0 ? 0 : 1;
  }
}

function namesOf<Name extends string>(words: string, names: readonly Name[]): readonly Name[] {
  return words.split(',').map((word) => {
    const name = names.find((one) => one === word.trim());
    if (name === undefined) throw new UsageError(`no store is called "${word.trim()}"`, `Stores: ${names.join(', ')}.`);
    return name;
  });
}
