// Of what is to be deleted, that which is still as it was recorded, to the last property, label and relationship. The records are locked.

import type { Guarded } from '../store.ts';
import { tokenOf } from './fetch.ts';
import { readImages } from './images.ts';
import type { Work } from './work.ts';

export async function asRecorded<Change extends Guarded>(
  { connection, run, access }: Work,
  deletes: readonly Change[],
): Promise<readonly Change[]> {
  const recorded = deletes.filter(({ image }) => image !== undefined);
  if (recorded.length === 0) return deletes;
  const now = await readImages(connection, run, access, recorded);
  return deletes.filter(({ image, expected }) => {
    return image === undefined || textOf(now.get(tokenOf(expected).id)?.image) === textOf(image);
  });
}

/** Which other records are deleted in the same step makes no difference. */
function textOf(image: unknown): string | undefined {
  return JSON.stringify(image, (name, value) => (name === 'isShared' ? undefined : value));
}
