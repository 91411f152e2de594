// Holds a piece of the config against its zod schema: each issue becomes a problem in plain words at its line, and what
// is left over is what can still be checked further.

import { z } from 'zod';
import type { ProblemList } from './problem-list.ts';
import { suggest } from './suggest.ts';
import type { Path } from './yaml-tree.ts';

type Issue = z.core.$ZodIssue;

/** What is left of `T` when everything wrong has been taken out: anything may be absent, list items as well. */
export type Loose<T> = T extends readonly (infer Item)[]
  ? readonly (Loose<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Loose<T[Key]> }
    : T;

export interface Checked {
  /** Parsed, with the schema's own defaults, when nothing is wrong. */
  readonly parsed?: unknown;
  /** What was given, less everything that is wrong. */
  readonly rest: unknown;
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

export function check(schema: z.ZodType, given: unknown, base: Path, problems: ProblemList): Checked {
  const value = structuredClone(given);
  let result = schema.safeParse(value);
  if (!result.success && coerce(result.error.issues, value, base, problems)) result = schema.safeParse(value);
  if (result.success) {
    removeBroken(value, base, problems);
    return { parsed: result.data, rest: value };
  }
  const issues = result.error.issues.flatMap((issue) => flatten(issue, []));
  const told = new Set<string>();
  for (const issue of issues) {
    const path = JSON.stringify(issue.path);
    // Of a value with the wrong type zod may say more, which then is beside the point.
    if (issue.code !== 'unrecognized_keys' && told.size === told.add(path).size) continue;
    report(issue, schema, value, base, problems);
  }
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') remove(value, pathOf(issue));
    else for (const key of issue.keys) remove(value, [...pathOf(issue), key]);
  }
  removeBroken(value, base, problems);
  return { rest: typeof value === 'object' && value !== null ? value : {} };
}

/** A variable is text; where a number or a yes-or-no is wanted, its text is read as one. Tells whether anything changed. */
function coerce(issues: readonly Issue[], value: unknown, base: Path, { tree }: ProblemList): boolean {
  let changed = false;
  for (const issue of issues.flatMap((issue) => flatten(issue, []))) {
    const path = pathOf(issue);
    const text = at(value, path);
    if (path.length === 0 || typeof text !== 'string' || !tree.expansion([...base, ...path])?.hasVariable) continue;
    const number = /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
    const boolean = text === 'true' ? true : text === 'false' ? false : undefined;
    const wanted =
      issue.code === 'invalid_type' ? issue.expected : issue.code === 'invalid_value' ? typeof issue.values[0] : '';
    const coerced = wanted === 'boolean' ? boolean : wanted === 'number' || wanted === 'int' ? number : undefined;
    if (coerced === undefined) continue;
    (at(value, path.slice(0, -1)) as Record<string | number, unknown>)[path.at(-1)!] = coerced;
    changed = true;
  }
  return changed;
}

/** An issue of a union is those of the alternative that was meant: the one whose outermost type fits. */
function flatten(issue: Issue, prefix: Path): Issue[] {
  const path = [...prefix, ...pathOf(issue)];
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find(
      (branch) =>
        !branch.some(
          (inner) => inner.path.length === 0 && (inner.code === 'invalid_type' || inner.code === 'invalid_value'),
        ),
    );
    if (meant !== undefined && meant.length > 0) return meant.flatMap((inner) => flatten(inner, path));
  }
  return [{ ...issue, path }];
}

function report(issue: Issue, schema: z.ZodType, value: unknown, base: Path, problems: ProblemList): void {
  const inner = pathOf(issue);
  const path = [...base, ...inner];
  const given = at(value, inner);
  if (issue.code === 'unrecognized_keys') {
    const known = wordsOf(schemaAt(schema, inner));
    for (const key of issue.keys) reportUnknownKey([...path, key], known ?? [], problems);
  } else if (issue.code === 'invalid_key') {
    problems.add(path, issue.issues[0]?.message ?? 'is no name', { at: 'key' });
  } else if (given === undefined) {
    if (isMisspelt(at(value, inner.slice(0, -1)), String(inner.at(-1)), wordsOf(schemaAt(schema, inner.slice(0, -1)))))
      return;
    problems.add(path, 'missing', { hint: describe(schema, inner), at: 'key' });
  } else if (given === null) {
    problems.add(path, 'is empty', { hint: 'Give it a value, or remove the key.', at: 'key' });
  } else {
    problems.add(path, words(issue, given, path, problems), { hint: describe(schema, inner) });
  }
}

function words(issue: Issue, given: unknown, path: Path, { tree }: ProblemList): string {
  const expansion = tree.expansion(path);
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    return `must be ${nouns[issue.expected] ?? issue.expected}, not ${noun(given)}`;
  }
  if (issue.code === 'invalid_union') {
    const expected = issue.errors
      .flat()
      .map((inner) => (inner.code === 'invalid_type' ? (nouns[inner.expected] ?? inner.expected) : ''));
    return `must be ${[...new Set(expected)].filter((word) => word !== '').join(' or ') || 'something else'}, not ${noun(given)}`;
  }
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    const near = typeof given === 'string' && !expansion?.hasVariable ? suggest(given, known) : undefined;
    const list = known.length === 1 ? known[0] : `one of ${known.join(', ')}`;
    return `must be ${list}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}`;
  }
  // A kind's own message may quote the value.
  if (expansion?.values.some((value) => issue.message.includes(value))) return 'is not valid';
  return `${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

export function reportUnknownKey(path: Path, known: readonly string[], problems: ProblemList): void {
  const near = suggest(String(path.at(-1)), known);
  const merge =
    path.at(-1) === '<<' ? 'YAML merge keys are not read; what replicas share stands in their entity.' : undefined;
  problems.add(path, near === undefined ? 'unknown key' : `unknown key; did you mean ${JSON.stringify(near)}?`, {
    hint: merge ?? (known.length > 0 ? `Known here: ${known.join(', ')}.` : 'No key is known here.'),
    at: 'key',
  });
}

/** Whether a missing key stands there with a slip: then its unknown key says enough. */
export function isMisspelt(parent: unknown, missing: string, known: readonly string[] = []): boolean {
  const given = typeof parent === 'object' && parent !== null ? Object.keys(parent) : [];
  return given.some((key) => !known.includes(key) && suggest(key, known) === missing);
}

/** The keys that an object schema knows; undefined when it is no object, so that anything may stand there. */
export function wordsOf(schema: z.ZodType | undefined): readonly string[] | undefined {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) return Object.keys(inner.shape);
  if (!(inner instanceof z.ZodUnion)) return undefined;
  const words = inner.options.map((option) => wordsOf(option as z.ZodType)).filter((list) => list !== undefined);
  return words.length > 0 ? [...new Set(words.flat())] : undefined;
}

/** The schema without what makes it optional, gives it a default or converts it. */
export function bare(schema: z.ZodType | undefined): z.ZodType | undefined {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    return bare(schema.unwrap() as z.ZodType);
  }
  return schema instanceof z.ZodPipe ? bare(schema.in as z.ZodType) : schema;
}

function schemaAt(schema: z.ZodType | undefined, path: Path): z.ZodType | undefined {
  const [part, ...further] = path;
  const inner = bare(schema);
  if (part === undefined) return schema;
  if (inner instanceof z.ZodObject) return schemaAt(inner.shape[part] as z.ZodType | undefined, further);
  if (inner instanceof z.ZodRecord) return schemaAt(inner.valueType as z.ZodType, further);
  if (inner instanceof z.ZodArray) return schemaAt(inner.element as z.ZodType, further);
  if (!(inner instanceof z.ZodUnion)) return undefined;
  return inner.options.map((option) => schemaAt(option as z.ZodType, path)).find((found) => found !== undefined);
}

function describe(schema: z.ZodType, path: Path): string | undefined {
  return schemaAt(schema, path)?.description;
}

function noun(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return nouns[typeof value] ?? typeof value;
}

function pathOf(issue: Issue): Path {
  return issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) => (inner as Record<string | number, unknown> | null | undefined)?.[part],
    value,
  );
}

function remove(value: unknown, path: Path): void {
  const parent = at(value, path.slice(0, -1));
  if (typeof parent === 'object' && parent !== null && path.length > 0)
    delete (parent as Record<string | number, unknown>)[path.at(-1)!];
}

function removeBroken(value: unknown, base: Path, { tree }: ProblemList): void {
  for (const path of tree.broken) {
    if (base.every((part, index) => path[index] === part)) remove(value, path.slice(base.length));
  }
}
