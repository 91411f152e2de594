// How busy the machine and a process are over a piece of work: what says whether waiting or computing was the bound, and whose computing.

import { readFile } from 'node:fs/promises';

export interface Busy {
  /** Of all cores together, 0 to 1, whoever kept them busy; absent where the system does not tell. */
  readonly machine?: number;
  /** Of this process's main thread, 0 to 1: it was not waiting, whether or not it had a core. */
  readonly mainThread: number;
  /** Seconds that the cores worked for this process, all of its threads. */
  readonly own: number;
}

/** Starts counting; what is returned tells of the time since. */
export async function countBusy(): Promise<() => Promise<Busy>> {
  const before = await coreTimes();
  const loop = performance.eventLoopUtilization();
  const cpu = process.cpuUsage();
  return async () => {
    const { user, system } = process.cpuUsage(cpu);
    const { utilization } = performance.eventLoopUtilization(loop);
    const after = await coreTimes();
    const machine =
      before === undefined || after === undefined
        ? undefined
        : 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
    return { machine, mainThread: utilization, own: (user + system) / 1e6 };
  };
}

/** Clock ticks of all cores since the start of the system. Linux, proc(5): user nice system idle iowait irq softirq steal, then parts of these. */
async function coreTimes(): Promise<{ readonly idle: number; readonly all: number } | undefined> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '');
  const ticks = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').map(Number);
  if (ticks === undefined) return undefined;
  const counted = ticks.slice(0, 8);
  return { idle: counted[3]! + counted[4]!, all: counted.reduce((sum, each) => sum + each, 0) };
}
