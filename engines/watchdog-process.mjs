// One JSON line in for each charge ({id, pid?, signal?, command?, path?}) or its end ({id}); at the end of the input
// the parent is gone, and what is still in charge is stopped and removed. It touches nothing else, and it never
// outlives its work.

import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

// A PostgreSQL whose children are paused needs five seconds: then it kills them.
const GRACE_MS = 8_000;

// Whoever ends a whole process tree politely ends the parent too, and then there is work to do here.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => {});

const charges = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...charge } = JSON.parse(line);
  if (Object.keys(charge).length > 0) charges.set(id, charge);
  else charges.delete(id);
}

const left = [...charges.values()];
await Promise.all(left.filter(({ pid }) => pid !== undefined).map(({ pid, signal }) => end(pid, signal)));
for (const { command } of left) {
  if (command !== undefined) spawnSync(command[0], command.slice(1), { stdio: 'ignore' });
}
for (const { path } of left) {
  if (path !== undefined) await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function end(pid, signal) {
  const deadline = Date.now() + GRACE_MS;
  let alive = send(pid, signal);
  // A test may have paused it.
  send(pid, 'SIGCONT');
  while (alive && Date.now() < deadline) {
    await sleep(50);
    alive = send(pid, 0);
  }
  if (alive) send(pid, 'SIGKILL');
}

function send(pid, signal) {
  try {
    // The whole group: initdb and Maven have children of their own.
    return process.kill(-pid, signal);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    throw error;
  }
}
