// From the config's names to Oracle's. An unquoted name is upper case to Oracle, so `incidents` is INCIDENTS unless a table or column is
// called exactly that. What is emitted is always the dictionary's own spelling, in quotes.

/** Identifiers of the dictionary hold no quotes; anything else is refused before it is part of a statement. */
export function quote(name: string): string {
  if (name === '' || /["\0]/.test(name)) throw new Error(`not an Oracle identifier: ${JSON.stringify(name)}`);
  return `"${name}"`;
}

/** The spellings that a name of the config may have in the dictionary, the likeliest first. */
export function spellings(name: string): readonly string[] {
  const folded = name.toUpperCase();
  return folded !== name && /^[a-z][a-z0-9_$#]*$/i.test(name) ? [name, folded] : [name];
}

export interface TableName {
  readonly owner: string;
  readonly table: string;
}

/** The tables that a target may mean, the likeliest first: the whole of it in `schema`, then `owner.table` at each of its dots. */
export function candidates(target: string, schema: string): readonly TableName[] {
  const found: TableName[] = [];
  const add = (owner: string, table: string) => {
    for (const name of spellings(table)) for (const of of spellings(owner)) found.push({ owner: of, table: name });
  };
  add(schema, target);
  for (let dot = target.indexOf('.'); dot > 0; dot = target.indexOf('.', dot + 1)) {
    if (dot < target.length - 1) add(target.slice(0, dot), target.slice(dot + 1));
  }
  return found;
}
