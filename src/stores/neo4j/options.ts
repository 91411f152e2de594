// What the config says of a store of this kind and of its replicas.

import { z } from 'zod';
import { tlsDescription, tlsWords } from '../../tls/tls.ts';

const milliseconds = z.int().positive();

export const storeOptions = z.strictObject({
  database: z.string().min(1).optional().describe("Default: the URL's path, else the user's home database."),
  tls: tlsWords.optional().describe(tlsDescription),
  timeouts: z
    .strictObject({
      connect: milliseconds.optional().describe('Default 5000.'),
      answer: milliseconds.optional().describe('Longest wait for an answer, and for locks. Default 300000.'),
    })
    .optional(),
  fetchSize: z.int().min(1).max(100_000).optional().describe('Records that the server sends at a time. Default 5000.'),
  maxTransactionRows: z.int().min(1).max(10_000).optional().describe('Most changes in one transaction. Default 1000.'),
});

export type StoreOptions = z.infer<typeof storeOptions>;

const end = z.strictObject({
  label: z.string().min(1),
  key: z
    .record(z.string().min(1), z.string().min(1))
    .optional()
    .describe("By source column: the end node's property that holds it. Without it, the label's one node."),
});

/** Of a node: `detach`. Of a relationship: `from`, `to`, `createEnds`. */
export const replicaOptions = z.strictObject({
  from: end
    .optional()
    .describe('The node where the relationship starts. With `to` it makes the target a relationship type.'),
  to: end.optional().describe('The node where the relationship ends.'),
  createEnds: z.boolean().optional().describe('Make an end node that is missing, with its key alone. Default false.'),
  detach: z
    .boolean()
    .optional()
    .describe("Delete a node's relationships with it. Default false: such a node is refused."),
});

export type EndOptions = z.infer<typeof end>;
export type ReplicaOptions = z.infer<typeof replicaOptions>;
