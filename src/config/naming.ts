// How a name in the source becomes a name in the replica where the config does not spell it out. Pure.

import type { ReplicaConfig } from './config.ts';

export type Naming = ReplicaConfig['naming'];

/** `reported_by` ↔ `reportedBy`. Leading and trailing underscores stay; a name that is in the wanted form already is unchanged. */
export function applyNaming(name: string, naming: Naming): string {
  if (naming === 'camelCase') {
    return name.replace(/(?<=[^_])_+([\p{L}\p{N}])/gu, (_, letter: string) => letter.toUpperCase());
  }
  if (naming === 'snake_case') {
    return name
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
      .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
      .toLowerCase();
  }
  return name;
}

/** The table's own name without its schema and quotes: `"My App".incidents` → `incidents`. */
export function tableName(table: string): string {
  const parts = table.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [table];
  const last = parts.at(-1)!;
  return last.startsWith('"') ? last.slice(1, -1).replaceAll('""', '"') : last.trim();
}
