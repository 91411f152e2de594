// What a store offers beside its verbs, with its failures put into words as theirs are.

import type { Scratching } from './store.ts';

export function explained(scratching: Scratching, explain: (error: unknown) => Error): Scratching {
  const trying = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw explain(error);
    }
  };
  return {
    ...scratching,
    plant: (name, records) => trying(() => scratching.plant(name, records)),
    list: (prefix) => trying(() => scratching.list(prefix)),
    remove: (name) => trying(() => scratching.remove(name)),
  };
}
