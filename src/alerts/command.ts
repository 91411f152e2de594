// `command`: a program of the user's, started as the config says and fed the alert as JSON on its standard input. No shell reads its words, and
// nothing that was found ever becomes one of them.

import { spawn } from 'node:child_process';
import { z } from 'zod';
import { DeliveryError, wordsOf } from '../errors.ts';
import { defineAlertKind } from './alert-kind.ts';

const options = z.strictObject({
  command: z
    .array(z.string())
    .min(1, { error: 'needs a program' })
    .refine(([program]) => program !== '', { error: 'needs a program' })
    .describe('The program and its arguments, word by word. A relative path starts at the config file’s folder.'),
});

/** What a program gets to end by itself after it was asked to. */
const GRACE_MS = 1000;
const LONGEST_WORDS = 200;

export const command = defineAlertKind<z.infer<typeof options>>({
  kind: 'command',
  summary: 'A program that gets the alert as JSON on its standard input.',
  options,
  secrets: () => [],
  send({ command: [program, ...words] }, alert, { folder, signal }) {
    return new Promise((resolve, reject) => {
      // A group of its own, so that what it starts can be ended with it.
      const child = spawn(program!, words, { cwd: folder, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
      let said = '';
      const kill = (name: NodeJS.Signals) => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, name);
        } catch {
          // It has ended meanwhile.
        }
      };
      let patience: NodeJS.Timeout | undefined;
      const onAbort = () => {
        kill('SIGTERM');
        patience = setTimeout(() => kill('SIGKILL'), GRACE_MS);
      };
      const done = (settle: () => void) => {
        signal.removeEventListener('abort', onAbort);
        clearTimeout(patience);
        child.stderr.destroy();
        settle();
      };
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-10 * LONGEST_WORDS);
      });
      child.once('error', (error) => done(() => reject(new DeliveryError(wordsOf(error)))));
      child.once('exit', (code, by) =>
        done(() => {
          if (code === 0) resolve();
          else reject(new DeliveryError(endWords(code, by, signal.aborted, said), { transient: true }));
        }),
      );
      // A program need not read what it is told.
      child.stdin.on('error', () => {});
      child.stdin.end(`${JSON.stringify(alert)}\n`);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  },
});

function endWords(code: number | null, by: NodeJS.Signals | null, late: boolean, said: string): string {
  const last = said.trim().split('\n').at(-1)!.trim().slice(0, LONGEST_WORDS);
  const how = late ? 'it did not end in time' : code === null ? `ended by ${by}` : `exit code ${code}`;
  return last === '' ? how : `${how}: ${last}`;
}
