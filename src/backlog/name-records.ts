// Which records an item is about: pure. What can't be told is said, never passed over.

import type { ItemPath, NamedEntity, NamingConfig } from '../config/config.ts';
import type { Field, Key } from '../mapping/mapping.ts';
import { readKey } from '../mapping/read-key.ts';
import { ValueError } from '../value/canonical.ts';
import type { JsonTree } from '../value/json.ts';
import { at, isList, opened, plainText } from '../value/json-path.ts';
import type { Item } from './backlog.ts';

export interface NamedRecord {
  readonly entity: string;
  /** Undefined for an entity that was not chosen. */
  readonly key?: Key;
}

export type Named = { readonly records: readonly NamedRecord[] } | { readonly unread: string };

/** The columns of an entity's key; null: it was not chosen; undefined: there is no such entity, or none with replicas. */
export type KeyOf = (entity: string) => readonly Field[] | null | undefined;

export function nameRecords(item: Item, naming: NamingConfig, keyOf: KeyOf): Named {
  if (item.unread !== undefined) return { unread: item.unread };
  try {
    const word = textAt(item.content, naming.entity);
    const meant = naming.entities.get(word) ?? (keyOf(word) === undefined ? undefined : [{ entity: word }]);
    if (meant === undefined) {
      return { unread: `${naming.entity.join('.')} ${JSON.stringify(word)} names no entity of the config` };
    }
    return {
      records: meant.map((named) => {
        const fields = keyOf(named.entity)!;
        return fields === null ? { entity: named.entity } : recordOf(item, named, naming, fields);
      }),
    };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { unread: error.message };
  }
}

function recordOf(
  { content }: Item,
  { entity, key }: NamedEntity,
  naming: NamingConfig,
  fields: readonly Field[],
): NamedRecord {
  const paths = key ?? naming.key;
  const texts =
    paths.length === 1 && fields.length > 1 ? listAt(content, paths[0]!) : paths.map((path) => textAt(content, path));
  if (texts.length !== fields.length) {
    const columns = fields.map(({ name }) => name).join(', ');
    throw new ValueError(`it gives ${texts.length} of ${fields.length} parts of the key of ${entity}: ${columns}`);
  }
  return { entity, key: readKey(fields, texts) };
}

/** Throws ValueError where no plain value stands there. */
function textAt(content: JsonTree, path: ItemPath): string {
  const found = at(content, path);
  const text = plainText(found ?? null);
  if (text === undefined) {
    throw new ValueError(
      `${path.join('.')} is ${found === undefined || found === null ? 'missing' : 'no plain value'}`,
    );
  }
  return text;
}

/** A list of plain values, or its JSON. */
function listAt(content: JsonTree, path: ItemPath): readonly string[] {
  const found = opened(at(content, path) ?? null);
  const texts = isList(found) ? found.map(plainText) : [];
  if (!isList(found) || texts.includes(undefined)) {
    throw new ValueError(`${path.join('.')} is no list of the key’s parts`);
  }
  return texts as readonly string[];
}
