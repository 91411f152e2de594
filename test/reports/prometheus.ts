// Prometheus text read back by somebody else's parser.

import parse from 'parse-prometheus-text-format';
import { type Measured, prometheus } from '../../reports/prometheus.ts';

export interface Sample {
  readonly name: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every sample of a text; throws where it is none. */
export function samplesOf(text: string): readonly Sample[] {
  return parse(text).flatMap(({ name, type, metrics }) =>
    metrics.map(({ labels = {}, value }) => ({ name, type, labels, value: Number(value) })),
  );
}

export async function textOf(measured: Measured): Promise<string> {
  let text = '';
  for await (const piece of prometheus(measured)) text += piece;
  return text;
}
