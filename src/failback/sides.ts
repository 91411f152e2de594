// The words for the two servers of a failback. Both took writes, so neither is the source.

/** `here`: the old primary, which is to hold everything again. `there`: the backup that was promoted. */
export type Side = 'here' | 'there';
export const SIDES = ['here', 'there'] as const;

export function otherSide(side: Side): Side {
  return side === 'here' ? 'there' : 'here';
}

/** What is the case on each side. */
export type Both<T> = Readonly<Record<Side, T>>;

export async function onBoth<T>(work: (side: Side) => Promise<T>): Promise<Both<T>> {
  const [here, there] = await Promise.all([work('here'), work('there')]);
  return { here, there };
}
