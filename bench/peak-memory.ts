// The most memory that this process has held.

import { readFile } from 'node:fs/promises';

/** Resident, in MB of a million bytes. */
export async function peakMegabytes(): Promise<number> {
  // Not resourceUsage() on Linux: a child's maxRSS starts at its parent's, which was large if it has just seeded.
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS;
  return (Number(kilobytes) * 1024) / 1e6;
}
