// Two kinds of store with options of their own, none of which connects: the config knows a kind by its schemas only.

import { z } from 'zod';
import type { StoreDefinition } from '../../src/stores/store.ts';

function fakeKind(kind: string, options: z.ZodType, replicaOptions: z.ZodType): StoreDefinition {
  const connect = () => Promise.reject(new Error('the config connects to nothing'));
  return { kind, place: 'table', options, replicaOptions, connect };
}

export const kinds: ReadonlyMap<string, StoreDefinition> = new Map(
  [
    fakeKind(
      'postgres',
      z.object({
        schema: z.string().optional(),
        tls: z.object({ mode: z.enum(['require', 'verify-full']), keyPassword: z.string().optional() }).optional(),
        pool: z.int().min(1).default(4),
      }),
      z.object({}),
    ),
    fakeKind(
      'mongodb',
      z.object({
        database: z.string().optional(),
        readPreference: z.enum(['primary', 'secondary']).default('primary'),
      }),
      z.object({ decimals: z.enum(['double', 'decimal128']).optional(), absentIsNull: z.boolean().optional() }),
    ),
  ].map((definition) => [definition.kind, definition]),
);
