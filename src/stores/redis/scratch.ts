// Keys for doctor's self-test: a hash a record, `NAME:1`, `NAME:2` …

import type { Scratching } from '../store.ts';
import { scanKeys } from './scan-keys.ts';
import type { Command, Session } from './session.ts';

export function scratchKeys(session: Session, scanCount: number): Scratching {
  const keysOf = async (glob: string) => {
    const found: string[] = [];
    for (const open of session.readers()) {
      const reader = await open();
      try {
        for await (const { keys } of scanKeys(reader, glob, scanCount)) found.push(...keys);
      } finally {
        reader.close();
      }
    }
    return found;
  };
  const askAll = async (commands: readonly Command[]) => {
    const failed = (await session.ask(commands)).find((reply) => reply instanceof Error);
    if (failed !== undefined) throw failed;
  };
  return {
    canDuplicate: false,
    needs: 'Give the user the keys ~plumbline_st_* and +hset +unlink +scan.',
    async plant(name, records) {
      await askAll(
        records.map(({ id, label, changed }) => [
          ...(['hset', `${name}:${id}`] as const),
          ...['id', String(id), 'label', label, 'changed', changed.toISOString()],
        ]),
      );
      return { target: `${name}:{id}`, options: { as: 'hash' } };
    },
    async list(prefix) {
      return [...new Set((await keysOf(`${prefix}*`)).map((key) => key.split(':')[0]!))];
    },
    async remove(name) {
      await askAll((await keysOf(`${name}:*`)).map((key) => ['unlink', key]));
    },
  };
}
