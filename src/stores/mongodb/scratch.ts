// Collections for doctor's self-test.

import type { Scratching } from '../store.ts';
import type { Connection } from './session.ts';

const NO_SUCH_NAMESPACE = 26;

export function scratchCollections({ db }: Connection): Scratching {
  return {
    canDuplicate: true,
    needs: 'Grant the user readWrite on the database.',
    async plant(name, records) {
      const collection = await db.createCollection(name);
      await collection.insertMany(records.map(({ id, label, changed }) => ({ id, label, changed })));
      return { target: name };
    },
    async list(prefix) {
      const found = await db.listCollections({}, { nameOnly: true }).toArray();
      return found.map(({ name }) => name).filter((name) => name.startsWith(prefix));
    },
    async remove(name) {
      await db.dropCollection(name).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== NO_SUCH_NAMESPACE) throw error;
      });
    },
  };
}
