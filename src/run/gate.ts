// The health gate of a repair: probes that the config marks with `gate: true` must be ok, or warn, before anything is written. Asks them, refuses,
// or asks again until they are or the patience is over.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { InterruptedError, RefusedError } from '../errors.ts';
import { type ProbeReport, worstReadings, worstWords } from '../health/health-report.ts';
import type { Status } from '../health/probe.ts';
import { askProbes } from './health.ts';
import type { GateOptions, RunOptions } from './options.ts';

/** Between two looks while it waits. */
const INTERVAL_MS = 3000;
const FLAG = '--ignore-gates';
const WORDS: Readonly<Record<Status, string>> = {
  ok: 'is fine',
  warning: 'warns',
  failed: 'fails',
  unknown: 'is unknown',
};

/** Throws a RefusedError that names what is wrong and what to do about it. */
export async function passGates(config: Config, options: RunOptions & GateOptions): Promise<void> {
  const gates = config.health.probes.filter((probe) => probe.gate);
  if (options.ignoreGates || gates.length === 0) return;
  const { wait = 0, signal, kinds, onEvent } = options;
  onEvent?.({ type: 'stage', stage: 'gate' });
  const began = performance.now();
  for (;;) {
    const probes = await askProbes(config, gates, { kinds, signal });
    if (signal?.aborted) throw new InterruptedError();
    const blocked = probes.filter(({ status }) => status === 'failed' || status === 'unknown');
    if (blocked.length === 0) return;
    const waited = performance.now() - began;
    const left = wait - waited;
    if (left <= 0) throw refusal(blocked, wait, waited);
    onEvent?.({ type: 'gate', blocked, waited: waited / 1000, left: left / 1000 });
    await sleep(Math.min(INTERVAL_MS, left), undefined, { signal }).catch(() => {
      throw new InterruptedError();
    });
  }
}

function refusal(blocked: readonly ProbeReport[], wait: number, waited: number): RefusedError {
  const names = blocked.map((probe) => `${probe.name} ${WORDS[probe.status]} (${worstWords(probe)})`).join('; ');
  const after = wait === 0 ? '' : `, after ${Math.round(waited / 1000)} s of waiting`;
  const hints = blocked.flatMap((probe) =>
    worstReadings(probe).flatMap(({ hint }) => (hint === undefined ? [] : [hint])),
  );
  const patience = wait === 0 ? ['--wait 10m waits for it.'] : [];
  return new RefusedError(`the health gate is closed${after}: ${names}`, FLAG, {
    by: 'gate',
    hint: [...new Set(hints), ...patience].map(sentence).join(' '),
  });
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
