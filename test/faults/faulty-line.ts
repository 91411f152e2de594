// A line to a server that breaks in a seeded way at a seeded byte: a TCP proxy on a port of its own.

import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const LINE_FAULTS = ['cut', 'reset', 'truncate', 'delay'] as const;

/**
 * `cut`: every connection is closed, what was on its way lost. `reset`: the same by RST. `truncate`: one message ends in the middle, then its
 * connection is closed in good order. `delay`: what comes from there on is held up.
 */
export interface LineFault {
  readonly kind: (typeof LINE_FAULTS)[number];
  /** Which way the byte goes that it happens at. */
  readonly way: 'to server' | 'from server';
  readonly after: number;
  /** Milliseconds in which no new connection comes through; the delay, for that. */
  readonly lasts: number;
  /** Messages that are held up. */
  readonly messages?: number;
}

export interface FaultyLine {
  /** The server's URL, by way of the line. */
  readonly url: string;
  /** Bytes that came through so far. */
  readonly passed: Readonly<Record<LineFault['way'], number>>;
  /** Whether the fault has happened. */
  readonly isBroken: boolean;
  close(): void;
}

/** All of them would take for ever. */
const HELD_UP = 6;

/** Without a fault it only counts. `atFault` is called just before. */
export async function openFaultyLine(
  target: string,
  fault?: LineFault,
  atFault: () => void = () => {},
): Promise<FaultyLine> {
  const { hostname, port } = new URL(target);
  const passed = { 'to server': 0, 'from server': 0 };
  const pairs = new Set<readonly [Socket, Socket]>();
  let isBroken = false;
  let closedUntil = 0;
  let heldUp = 0;

  const end = (pair: readonly [Socket, Socket], how: 'destroy' | 'resetAndDestroy' | 'end') => {
    for (const socket of pair) socket[how]();
    pairs.delete(pair);
  };
  const strike = ({ kind, lasts }: LineFault, pair: readonly [Socket, Socket], to: Socket, before: Buffer) => {
    isBroken = true;
    atFault();
    if (kind === 'delay') return;
    closedUntil = Date.now() + lasts;
    if (kind === 'truncate') {
      to.write(before);
      end(pair, 'end');
    } else for (const one of pairs) end(one, kind === 'reset' ? 'resetAndDestroy' : 'destroy');
  };

  const send = async (chunk: Buffer, to: Socket) => {
    if (isBroken && fault?.kind === 'delay' && heldUp < (fault.messages ?? HELD_UP)) {
      heldUp++;
      await sleep(fault.lasts);
    }
    if (!to.writable || to.write(chunk)) return;
    await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {});
  };

  const server = createServer((near) => {
    if (Date.now() < closedUntil) {
      near.resetAndDestroy();
      return;
    }
    const far = dial(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to, way] of [
      [near, far, 'to server'],
      [far, near, 'from server'],
    ] as const) {
      // What was sent arrives, also when its sender is gone by then.
      let sending = Promise.resolve();
      const finish = () => void sending.then(() => to.end());
      from.on('error', () => {});
      from.on('end', finish);
      from.on('close', () => {
        pairs.delete(pair);
        finish();
      });
      from.on('data', (chunk) => {
        const rest = (fault?.after ?? 0) - passed[way];
        passed[way] += chunk.length;
        if (fault !== undefined && !isBroken && fault.way === way && passed[way] > fault.after) {
          strike(fault, pair, to, chunk.subarray(0, rest));
          if (fault.kind !== 'delay') return;
        }
        from.pause();
        sending = sending.then(() => send(chunk, to)).then(() => void from.resume());
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = (server.address() as { port: number }).port;
  return {
    url: target.replace(`${hostname}:${port}`, `127.0.0.1:${own}`),
    passed,
    get isBroken() {
      return isBroken;
    },
    close() {
      for (const pair of pairs) end(pair, 'destroy');
      server.close();
    },
  };
}
