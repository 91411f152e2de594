// `log`: each alert as a line of JSON at the end of a file.

import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { DeliveryError, wordsOf } from '../errors.ts';
import { defineAlertKind } from './alert-kind.ts';

const options = z.strictObject({
  file: z
    .string()
    .min(1, { error: 'must not be empty' })
    .describe(
      'The file; it and its folder are made where they are missing. A relative path starts at the config file’s folder.',
    ),
});

export const log = defineAlertKind<z.infer<typeof options>>({
  kind: 'log',
  summary: 'A line of JSON at the end of a file.',
  options,
  secrets: () => [],
  async send({ file }, alert, { folder }) {
    const target = path.resolve(folder, file);
    try {
      await mkdir(path.dirname(target), { recursive: true });
      // One write, so that lines of several runs do not mix.
      await appendFile(target, `${JSON.stringify(alert)}\n`, { mode: 0o600 });
    } catch (error) {
      throw new DeliveryError(wordsOf(error));
    }
  },
});
