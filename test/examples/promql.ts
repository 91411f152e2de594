// PromQL as Prometheus' own grammar reads it.

import { parser } from '@prometheus-io/lezer-promql';

/** The metrics that an expression names. Throws for what is no PromQL. */
export function metricsIn(expression: string): readonly string[] {
  const metrics: string[] = [];
  parser.parse(expression).iterate({
    enter({ name, from, to, type }) {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`);
      if (name === 'Identifier') metrics.push(expression.slice(from, to));
    },
  });
  return metrics;
}
