// How a health run reads: goldens at both widths, and what every screen keeps to.

import { describe, expect, it, test } from 'vitest';
import type { Answer } from '../../reports/answer.ts';
import { healthAnswer, healthTable } from '../../reports/health.ts';
import type { Format } from '../../reports/index.ts';
import { displayWidth } from '../../reports/text.ts';
import { longestLine, rawControls, withoutColour } from './rendering.ts';
import { healthSamples } from './sample-health.ts';

async function text(answer: Answer, format: Format, width = 80, colour = false): Promise<string> {
  let whole = '';
  for await (const piece of answer.render[format]!(width, colour)) whole += piece;
  return whole;
}

describe.each(Object.entries(healthSamples))('%s', (name, report) => {
  const answer = healthAnswer(report);

  it.each([80, 120])('reads well as a table of %i columns', async (width) => {
    const table = await text(answer, 'table', width);
    await expect(table).toMatchFileSnapshot(`../golden/health-${name}.${width}.txt`);
    expect(longestLine(table)).toBeLessThanOrEqual(width);
    expect(rawControls(table)).toEqual([]);
    expect(table.trimEnd().split('\n').at(-1)).toMatch(new RegExp(` exit ${report.exitCode}$`));
  });

  it('says the same without colour', async () => {
    expect(withoutColour(await text(answer, 'table', 80, true))).toBe(await text(answer, 'table'));
  });

  it('keeps its form as Markdown', async () => {
    const markdown = await text(answer, 'markdown');
    await expect(markdown).toMatchFileSnapshot(`../golden/health-${name}.md`);
    expect(rawControls(markdown)).toEqual([]);
  });

  it('is itself as JSON', async () => {
    expect(JSON.parse(await text(answer, 'json'))).toEqual(JSON.parse(JSON.stringify(report)));
  });
});

test('colours the marks', async () => {
  await expect(await text(healthAnswer(healthSamples.sick!), 'table', 80, true)).toMatchFileSnapshot(
    '../golden/health-sick.80.colour.txt',
  );
});

test('the first line names what is wrong, the failing before the unknown', () => {
  const first = (name: string) => healthAnswer(healthSamples[name]!);
  expect(first('fine')).toMatchObject({ mark: '✔', sentence: 'Healthy: all 2 probes are fine.' });
  expect(first('warned')).toMatchObject({ mark: '!', sentence: 'Healthy, with 1 warning (outbox).' });
  expect(first('unknown')).toMatchObject({ mark: '?', sentence: 'Not healthy: 1 unknown (backups).' });
  expect(first('sick')).toMatchObject({
    mark: '✖',
    sentence: 'Not healthy: 2 of 6 probes fail (slots and embeddings), 1 unknown (backups).',
  });
});

test('ages stand in a column of their own, and no line grows past the width', () => {
  const report = healthSamples.sick!;
  const ages = new Map(report.probes.map(({ name }, at) => [name, at === 0 ? '1h 02m' : '5.0s']));
  const lines = [...healthTable(report, 80, false, ages)].join('').split('\n');
  expect(lines.find((line) => line.includes('primary, 1'))).toMatch(/✔ primary +1h 02m {2}primary/);
  expect(lines.find((line) => line.includes('214'))).toMatch(/! outbox +5\.0s {2}214/);
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(80);
});
