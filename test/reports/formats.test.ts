import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REPORT_FORMATS } from '../../reports/index.ts';
import { duration, number, plural } from '../../reports/words.ts';
import { type Report, remainingDrift } from '../../src/report/report.ts';
import { findingSchema, reportJsonSchema, reportSchema } from '../../src/report/report-schema.ts';
import { parseXml, render } from './rendering.ts';
import { SECRET, samples } from './sample-reports.ts';

const all: [string, Report][] = Object.entries(samples);

describe.each(all)('%s', (_, report) => {
  it('is JSON that the schema knows, every field of it', async () => {
    const data = JSON.parse(await render(report, 'json'));
    // Parsing drops what the schema does not name.
    expect(reportSchema.parse(data)).toEqual(data);
  });

  it('is ndjson whose lines the schemas know, all findings first', async () => {
    const lines = (await render(report, 'ndjson')).trimEnd().split('\n');
    const documents = lines.map((line) => JSON.parse(line));
    for (const { type, ...data } of documents.slice(0, -1)) {
      expect(type).toBe('finding');
      expect(findingSchema.parse(data)).toEqual(data);
    }
    const { type, replicas, ...rest } = documents.at(-1);
    expect(type).toBe('report');
    expect(replicas.every((replica: object) => !('findings' in replica))).toBe(true);
    const whole = { ...rest, replicas: replicas.map((replica: object) => ({ ...replica, findings: [] })) };
    expect(reportSchema.parse(whole)).toEqual(whole);
  });

  it('fails as JUnit exactly when the exit code says so', async () => {
    const elements = parseXml(await render(report, 'junit'));
    const count = (name: string) => elements.filter((element) => element.path.endsWith(`/testcase/${name}`)).length;
    const root = elements[0]!.attributes;
    expect(count('failure') + count('error') > 0).toBe(report.exitCode !== 0);
    expect(count('failure')).toBe(report.replicas.filter((replica) => remainingDrift(replica) > 0).length);
    expect([root.failures, root.errors]).toEqual([String(count('failure')), String(count('error'))]);
    expect(root.tests).toBe(String(elements.filter((element) => element.path.endsWith('/testcase')).length));
    expect(count('skipped')).toBe(0);
  });

  it('suggests only commands that exist', async () => {
    for (const format of ['table', 'markdown'] as const) {
      for (const [, verb] of (await render(report, format)).matchAll(/(?:^|: +)plumbline ([a-z-]+)/gm)) {
        expect(['check', 'reconcile', 'verify-sync', 'doctor']).toContain(verb);
      }
    }
  });
});

describe('a sensitive field', () => {
  it.each(REPORT_FORMATS)('is named and never shown as %s', async (format) => {
    const output = await render(samples.sensitive, format);
    expect(output).toContain('password');
    expect(output).not.toContain(SECRET);
    expect(output).not.toContain(SECRET.slice(0, 7));
  });

  it('is never shown by verify-sync', async () => {
    const output = await render({ ...samples.sensitive, command: 'verify-sync' }, 'table');
    expect(output).toContain('differs (sensitive)');
    expect(output).not.toContain(SECRET.slice(0, 7));
  });
});

describe('the schema', () => {
  it('refuses a finding of an unknown class and a match made of nothing', () => {
    const finding = samples.sensitive.replicas[0]!.findings[0]!;
    expect(findingSchema.safeParse({ ...finding, class: 'lost' }).success).toBe(false);
    expect(reportSchema.safeParse({ ...samples.drift, replicas: undefined }).success).toBe(false);
  });

  it('is JSON Schema as well, and lets later versions add fields', () => {
    const schema = reportJsonSchema();
    expect(JSON.stringify(schema)).not.toContain('additionalProperties":false');
    expect(z.fromJSONSchema(schema as never).safeParse({ ...samples.drift, later: 1 }).success).toBe(true);
  });
});

describe('words', () => {
  it.each([
    [0, '0 ms'],
    [0.41, '410 ms'],
    [0.9996, '1.0s'],
    [6.12, '6.1s'],
    [59.96, '1m 00s'],
    [125, '2m 05s'],
    [3599.6, '1h 00m'],
    [3725, '1h 02m'],
  ])('%f seconds are %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('groups thousands and knows one from many', () => {
    expect(number(1_234_567)).toBe('1,234,567');
    expect([plural(1, 'entity', 'entities'), plural(2, 'entity', 'entities')]).toEqual(['1 entity', '2 entities']);
  });
});
