// The HTML report: well-formed whatever stands in it, nothing that runs or is fetched, all that the other formats say.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html, type Markup } from '../../reports/markup.ts';
import { noCounts } from '../../src/report/report.ts';
import { parseXml, rawControls, render } from './rendering.ts';
import { differs, finding, HOSTILE, replica, report, samples } from './sample-reports.ts';

const DOCTYPE = '<!doctype html>\n';

async function page(sample: Parameters<typeof render>[0]) {
  const text = await render(sample, 'html');
  expect(text.startsWith(DOCTYPE)).toBe(true);
  return { text, elements: parseXml(text.slice(DOCTYPE.length)) };
}

describe.each(Object.entries(samples))('%s', (_, sample) => {
  it('is a well-formed page without script, link or anything to fetch', async () => {
    const { text, elements } = await page(sample);
    const names = new Set(elements.map(({ path }) => path.split('/').at(-1)));
    for (const name of ['script', 'link', 'img', 'iframe', 'object', 'a', 'form']) expect(names).not.toContain(name);
    const attributes = new Set(elements.flatMap((element) => Object.keys(element.attributes)));
    for (const name of attributes) expect(name).not.toMatch(/^(on|src|href|style$)/);
    expect(rawControls(text)).toEqual([]);
    expect(text).toContain(`exit ${sample.exitCode}`);
  });
});

it('keeps its form', async () => {
  await expect(await render(samples.drift, 'html')).toMatchFileSnapshot('../golden/drift.html');
});

it('has as many elements whatever the names, values and messages are', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.constantFrom(...HOSTILE, '</td></tr>', '"><script>alert(1)</script>', "' onmouseover='x", '<!--', ']]>', '&lt;'),
  );
  const pageOf = (a: string, b: string) =>
    page(
      report(
        [
          replica(`docs.${a}`, a, {
            status: 'unproven',
            error: { where: a, message: b, hint: b },
            counts: { ...noCounts(), mismatched: 1, unread: 1 },
            why: b,
            findings: [
              finding(`docs.${a}`, b, 'mismatched', { [a]: b }, [differs(a, `1${b}`, `2${b}`, a)]),
              finding(`docs.${a}`, b, 'unread', { [a]: b }, [], { reason: b }),
            ],
          }),
        ],
        { config: a, folder: b, verdict: 'incomplete', exitCode: 3, problems: [{ where: a, message: b }] },
      ),
    );
  const usual = (await pageOf('x', 'y')).elements.map(({ path }) => path);
  const count = (paths: readonly string[], name: string) => paths.filter((path) => path.endsWith(`/${name}`)).length;
  await fc.assert(
    fc.asyncProperty(text, text, async (a, b) => {
      const paths = (await pageOf(a, b)).elements.map(({ path }) => path);
      // What is said twice is said once, and a command that no shell takes is not said at all; tables stay as they are.
      for (const name of ['table', 'tr', 'td', 'th', 'h1', 'mark', 'title', 'meta'])
        expect(count(paths, name)).toBe(count(usual, name));
      expect(new Set(paths).size).toBeLessThanOrEqual(new Set(usual).size + 1);
    }),
  );
});

it('shows no more findings of a replica than a browser can hold, and says how many there are', async () => {
  const many = Array.from({ length: 700 }, (_, i) => finding('docs.x', 'x', 'missing', { id: String(i) }));
  const { text, elements } = await page(
    report([replica('docs.x', 'x', { counts: { ...noCounts(), missing: 700 }, findings: many })], {
      verdict: 'drift',
      exitCode: 1,
    }),
  );
  expect(elements.filter(({ attributes }) => attributes.class === 'class')).toHaveLength(500);
  expect(text).toContain('… 200 more');
});

it('marks what differs in a value, and nothing else', async () => {
  const one = finding('docs.x', 'x', 'mismatched', { id: '1' }, [differs('name', 'Tegucigalpa', 'Tegucigolpa')]);
  const counts = { ...noCounts(), mismatched: 1 };
  const { text } = await page(report([replica('docs.x', 'x', { counts, findings: [one] })], { exitCode: 1 }));
  expect(text.match(/Tegucig<mark>[ao]<\/mark>lpa/g)).toHaveLength(2);
});

it('escapes every value of a template but markup', () => {
  const inner: Markup = html`<b>${'<i>'}</b>`;
  expect(html`${inner}${[inner, '&']}${undefined}${'"\u0000\''}`.text).toBe(
    '<b>&lt;i&gt;</b><b>&lt;i&gt;</b>&amp;&quot;\\x00&#39;',
  );
});
