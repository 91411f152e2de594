// Takes secrets out of a report's messages, which drivers and servers wrote. Its data stays as it is: a short password would
// tear keys and values apart.

import type { Report, RunProblem } from './report.ts';

export function redactReport(report: Report, redact: (text: string) => string): Report {
  const problem = ({ where, message, hint }: RunProblem): RunProblem => ({
    where,
    message: redact(message),
    hint: hint && redact(hint),
  });
  return {
    ...report,
    problems: report.problems.map(problem),
    backlog: report.backlog && {
      ...report.backlog,
      examples: report.backlog.examples.map(({ id, reason }) => ({ id, reason: redact(reason) })),
      settled: report.backlog.settled && {
        ...report.backlog.settled,
        left: report.backlog.settled.left.map((left) => ({ ...left, reason: redact(left.reason) })),
      },
    },
    replicas: report.replicas.map((replica) => ({
      ...replica,
      error: replica.error && problem(replica.error),
      repair: replica.repair && { ...replica.repair, errors: replica.repair.errors.map(redact) },
      findings: replica.findings.map((finding) => ({ ...finding, reason: finding.reason && redact(finding.reason) })),
    })),
  };
}
