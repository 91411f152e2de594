// CQL types as the server's schema tables spell them: `frozen<map<text, list<int>>>`. Pure.

export type NativeType =
  | 'ascii'
  | 'text'
  | 'bigint'
  | 'blob'
  | 'boolean'
  | 'counter'
  | 'date'
  | 'decimal'
  | 'double'
  | 'duration'
  | 'float'
  | 'inet'
  | 'int'
  | 'smallint'
  | 'time'
  | 'timestamp'
  | 'timeuuid'
  | 'tinyint'
  | 'uuid'
  | 'varint';

export type CqlType =
  | { readonly name: NativeType }
  | { readonly name: 'list' | 'set'; readonly element: CqlType; readonly frozen: boolean }
  | { readonly name: 'map'; readonly key: CqlType; readonly value: CqlType; readonly frozen: boolean }
  | { readonly name: 'tuple'; readonly elements: readonly CqlType[] }
  | { readonly name: 'udt'; readonly typeName: string; readonly fields: readonly UdtField[]; readonly frozen: boolean }
  | { readonly name: 'vector'; readonly element: CqlType; readonly size: number }
  /** A type of the server's own that no other program knows. */
  | { readonly name: 'custom'; readonly className: string };

export interface UdtField {
  readonly name: string;
  readonly type: CqlType;
}

/** Fields of the keyspace's user-defined types, with their types as text. */
export type UserTypes = ReadonlyMap<string, readonly { readonly name: string; readonly type: string }[]>;

const NATIVE = new Set<string>([
  'ascii',
  'bigint',
  'blob',
  'boolean',
  'counter',
  'date',
  'decimal',
  'double',
  'duration',
  'float',
  'inet',
  'int',
  'smallint',
  'text',
  'time',
  'timestamp',
  'timeuuid',
  'tinyint',
  'uuid',
  'varint',
] satisfies NativeType[]);

const TOKEN = /\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[\w.]+|[<>,])/y;

export function parseCqlType(text: string, userTypes: UserTypes): CqlType {
  TOKEN.lastIndex = 0;
  const tokens: string[] = [];
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) tokens.push(match[1]!);
  let at = 0;
  const parameters = <T>(read: () => T): T[] => {
    const items: T[] = [];
    do {
      at++;
      items.push(read());
    } while (tokens[at] === ',');
    at++;
    return items;
  };
  const type = (frozen: boolean): CqlType => {
    const token = tokens[at++] ?? '';
    if (token.startsWith("'")) return { name: 'custom', className: token.slice(1, -1) };
    const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
    if (tokens[at] !== '<') {
      if (!token.startsWith('"') && NATIVE.has(name)) return { name: name as NativeType };
      if (name === 'varchar') return { name: 'text' };
      const fields = userTypes.get(name);
      if (fields === undefined) return { name: 'custom', className: name };
      return {
        name: 'udt',
        typeName: name,
        frozen,
        fields: fields.map((field) => ({ name: field.name, type: frozenInside(parseCqlType(field.type, userTypes)) })),
      };
    }
    switch (name) {
      case 'frozen':
        return parameters(() => type(true))[0]!;
      case 'list':
      case 'set':
        return { name, element: parameters(() => type(true))[0]!, frozen };
      case 'map': {
        const [key, value] = parameters(() => type(true));
        return { name, key: key!, value: value!, frozen };
      }
      case 'tuple':
        return { name, elements: parameters(() => type(true)) };
      case 'vector': {
        const [element, size] = parameters(() => (/^\d+$/.test(tokens[at] ?? '') ? Number(tokens[at++]) : type(true)));
        return { name, element: element as CqlType, size: size as number };
      }
      default:
        return { name: 'custom', className: text };
    }
  };
  return type(false);
}

/** Kept as several cells, each with a write time of its own; one that is empty is no different from null. */
export function isMultiCell(type: CqlType): boolean {
  return 'frozen' in type && !type.frozen;
}

/** As in CQL, for messages. */
export function typeText(type: CqlType): string {
  switch (type.name) {
    case 'list':
    case 'set':
      return wrapped(type.frozen, `${type.name}<${typeText(type.element)}>`);
    case 'map':
      return wrapped(type.frozen, `map<${typeText(type.key)}, ${typeText(type.value)}>`);
    case 'tuple':
      return `tuple<${type.elements.map(typeText).join(', ')}>`;
    case 'udt':
      return wrapped(type.frozen, type.typeName);
    case 'vector':
      return `vector<${typeText(type.element)}, ${type.size}>`;
    case 'custom':
      return `a custom type (${type.className})`;
    default:
      return type.name;
  }
}

function wrapped(frozen: boolean, text: string): string {
  return frozen ? `frozen<${text}>` : text;
}

/** A user-defined type's own fields say nothing of frozen where the type as a whole is. */
function frozenInside(type: CqlType): CqlType {
  return 'frozen' in type ? { ...type, frozen: true } : type;
}
