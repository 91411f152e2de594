// npm run test:faults -- [--trials N] [--seed FIRST] [--write]: runs so many trials from a seed on; one trial is replayed by --trials 1 --seed N.
// --write keeps their results in test/faults/results.json, in place of older ones of the same seeds, and makes the table of docs/reliability.md
// from all that are kept; --trials 0 only makes the table. Exit code: vitest’s.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const kept = join(import.meta.dirname, 'results.json');
const page = join(root, 'docs', 'reliability.md');
const [BEGIN, END] = ['<!-- trials: made by npm run test:faults -- --write -->', '<!-- /trials -->'];

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '200' },
    seed: { type: 'string', default: '0' },
    write: { type: 'boolean' },
  },
});
const [trials, seed] = [values.trials, values.seed].map(Number);
if (!Number.isInteger(trials) || !Number.isInteger(seed) || trials < 0 || seed < 0) {
  process.stderr.write('--trials and --seed are whole numbers\n');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'plumbline-trials-'));
const lines = join(folder, 'results.ndjson');
const { status } =
  trials === 0
    ? { status: 0 }
    : spawnSync('npx', ['vitest', 'run', '--config', 'vitest.faults.config.ts'], {
        cwd: root,
        stdio: 'inherit',
        env: {
          ...process.env,
          PLUMBLINE_FAULTS_SEEDS: `${seed}-${seed + trials - 1}`,
          PLUMBLINE_FAULTS_RESULTS: lines,
        },
      });
const results = existsSync(lines)
  ? readFileSync(lines, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
rmSync(folder, { recursive: true });
if (values.write) {
  const before = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : [];
  const all = new Map([...before, ...results].map((result) => [result.seed, result]));
  const sorted = [...all.values()].sort((a, b) => a.seed - b.seed);
  writeFileSync(kept, `[\n${sorted.map((result) => `  ${JSON.stringify(result)}`).join(',\n')}\n]\n`);
  const text = readFileSync(page, 'utf8');
  const [head, tail] = [text.slice(0, text.indexOf(BEGIN)), text.slice(text.indexOf(END))];
  writeFileSync(page, `${head}${BEGIN}\n${table(sorted).join('\n')}\n${tail}`);
} else process.stdout.write(`${table(results).join('\n')}\n`);
process.exitCode = status ?? 1;

/** A line for each fault and store. */
function table(all) {
  const groups = grouped(all);
  const names = [...groups.keys()].sort();
  const row = (words) => `| ${words.join(' | ')} |`;
  const count = (some, isIt) => some.filter(isIt).length || '';
  return [
    row(['what breaks', 'store', 'trials', 'unaffected', 'exit 3', 'killed', 'then gone on with', 'then undone']),
    row(['---', '---', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...[...names, 'all|'].map((name) => {
      const some = name === 'all|' ? all : groups.get(name);
      const of = (outcome) => count(some, (result) => result.outcome === outcome);
      return row([
        ...name.split('|'),
        some.length,
        of('unaffected'),
        of('incomplete'),
        of('killed'),
        count(some, ({ resumed }) => resumed),
        count(some, ({ undone }) => undone),
      ]);
    }),
  ];
}

function grouped(all) {
  const groups = new Map();
  for (const result of all) groups.set(groupOf(result), [...(groups.get(groupOf(result)) ?? []), result]);
  return groups;
}

function groupOf({ fault, store }) {
  return `${fault}|${store}`;
}
