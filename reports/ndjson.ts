// One JSON document a line: every finding of the run as it streams by, then the report without its findings.

import type { Report } from '../src/report/report.ts';
import { withoutSensitive } from './finding-text.ts';
import { jsonText } from './json.ts';
import type { RenderOptions } from './renderer.ts';

export async function* ndjson(report: Report, io: RenderOptions): AsyncIterable<string> {
  for await (const finding of io.findings()) {
    yield `${jsonText({ type: 'finding', ...withoutSensitive(finding) })}\n`;
  }
  const replicas = report.replicas.map(({ findings: _, ...replica }) => replica);
  yield `${jsonText({ type: 'report', ...report, replicas })}\n`;
}
