import { describe, expect, it } from 'vitest';
import { longestLine, rawControls, render, withoutColour } from './rendering.ts';
import { samples } from './sample-reports.ts';

describe.each(Object.entries(samples))('%s', (name, report) => {
  it.each([80, 120])('reads well as a table of %i columns', async (width) => {
    const text = await render(report, 'table', width);
    await expect(text).toMatchFileSnapshot(`../golden/${name}.${width}.txt`);
    expect(longestLine(text)).toBeLessThanOrEqual(width);
    expect(rawControls(text)).toEqual([]);
  });

  it('says the same without colour', async () => {
    const coloured = await render(report, 'table', 80, true);
    expect(withoutColour(coloured)).toBe(await render(report, 'table', 80));
    expect(longestLine(coloured)).toBeLessThanOrEqual(80);
  });

  it.each([
    ['json', 'json'],
    ['ndjson', 'ndjson'],
    ['junit', 'xml'],
    ['markdown', 'md'],
  ] as const)('keeps its form as %s', async (format, extension) => {
    await expect(await render(report, format)).toMatchFileSnapshot(`../golden/${name}.${extension}`);
  });

  it('ends with what the exit code is', async () => {
    const text = await render(report, 'table');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(new RegExp(` exit ${report.exitCode}$`));
  });
});

it('colours marks and classes', async () => {
  await expect(await render(samples.drift, 'table', 80, true)).toMatchFileSnapshot('../golden/drift.80.colour.txt');
  await expect(await render(samples['verify-bad'], 'table', 120, true)).toMatchFileSnapshot(
    '../golden/verify-bad.120.colour.txt',
  );
});
