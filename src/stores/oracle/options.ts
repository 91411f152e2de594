// What the config says of an Oracle store besides its kind and URL.

import { z } from 'zod';
import { tlsDescription, tlsWords } from '../../tls/tls.ts';

const milliseconds = z.int().positive();

export const options = z.strictObject({
  schema: z
    .string()
    .min(1)
    .optional()
    .describe('Where tables are looked for that are named without one. Default: the schema of the session.'),
  connectString: z
    .string()
    .min(1)
    .optional()
    .describe('A TNS descriptor or alias, in place of host and service of the URL.'),
  configDir: z.string().min(1).optional().describe('The folder of tnsnames.ora, for an alias.'),
  thick: z
    .union([z.boolean(), z.string().min(1)])
    .optional()
    .describe('Use Oracle’s client library: true, or the folder that it is in. Default false.'),
  tls: tlsWords.optional().describe(tlsDescription),
  walletLocation: z.string().min(1).optional().describe('The folder of ewallet.pem.'),
  walletPassword: z.string().optional(),
  timeouts: z
    .strictObject({
      connect: milliseconds.optional().describe('Milliseconds. Default 10000.'),
      call: milliseconds.optional().describe('Milliseconds that one answer of the server may take. Default 300000.'),
    })
    .optional(),
  fetchArraySize: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Records fetched at once. Default 1000, and 100 where a LOB is among their fields.'),
  snapshot: z
    .enum(['scn', 'readOnly', 'none'])
    .optional()
    .describe(
      'How a scan sees one moment: AS OF SCN, a read-only transaction, or its one statement alone. Default: the first that is permitted.',
    ),
});

export type OracleOptions = z.infer<typeof options>;

export const SECOND = 1000;
export const DEFAULT_TIMEOUTS = { connect: 10 * SECOND, call: 300 * SECOND } as const;
