// What the config file itself says in its URLs and options: they must be readable, and hold no secret.

import type { ProblemList } from './problem-list.ts';
import { holdsPrivateKey, isSecretName, urlParts } from './redact.ts';
import { mask } from './variables.ts';
import type { Path } from './yaml-tree.ts';

const inFile = 'a secret stands in the file; secrets come from the environment only';

/** `name` is the store's, or `source`: it makes the variable's name in the hint. */
export function checkUrl(url: string, path: Path, name: string, problems: ProblemList): void {
  if (holdsSecret(path, '', problems)) {
    problems.add(path, inFile, { hint: hint(name, 'password') });
  } else if (!/^[a-z][a-z\d+.-]*:\/\//i.test(url)) {
    problems.add(path, 'is no URL', { hint: 'Write scheme://user@host:port/database.' });
  } else if (urlParts(url) === undefined) {
    problems.add(path, 'is no URL that can be told apart', {
      hint: 'Percent-encode what is special in a user name, password or option: @ is %40, / is %2F, : is %3A. A port is a number.',
    });
  }
}

/** The source is PostgreSQL, so its scheme is known. */
export function checkSourceUrl(url: string, path: Path, problems: ProblemList): void {
  checkUrl(url, path, 'source', problems);
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(url) && !/^postgres(ql)?:\/\//i.test(url)) {
    problems.add(path, 'is no PostgreSQL URL', {
      hint: 'The source is PostgreSQL: postgres://user@host:5432/database.',
    });
  }
}

/** Looks through a store's own options, however deep. */
export function checkOptions(value: unknown, path: Path, name: string, problems: ProblemList): void {
  const key = String(path.at(-1));
  if (typeof value === 'string' && holdsSecret(path, key, problems)) {
    problems.add(path, inFile, { hint: hint(name, key) });
  }
  if (typeof value === 'object' && value !== null) {
    for (const [inner, item] of Object.entries(value)) {
      checkOptions(item, [...path, Array.isArray(value) ? Number(inner) : inner], name, problems);
    }
  }
}

/** For a text that surely holds a secret: some of it has to come from a variable, and not from its default. */
export function checkSecret(path: Path, name: string, problems: ProblemList): void {
  const expansion = problems.tree.expansion(path);
  if (expansion === undefined || [expansion.masked, expansion.withDefaults].every((text) => text.includes(mask)))
    return;
  problems.add(path, inFile, { hint: hint(name, String(path.at(-1))) });
}

function hint(name: string, word: string): string {
  const variable = `${name}_${word}`
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/\W/g, '_')
    .toUpperCase();
  return `Write \${${variable}} in its place, and set that variable.`;
}

/** A default is in the file as well, so it counts whether or not it is taken. */
function holdsSecret(path: Path, key: string, { tree }: ProblemList): boolean {
  const expansion = tree.expansion(path);
  if (expansion === undefined) return false;
  return [expansion.masked, expansion.withDefaults].some((text) => {
    if (isSecretName(key) && isLiteral(text)) return true;
    if (holdsPrivateKey(text)) return true;
    // A URL whose scheme comes from a variable is still one.
    const parts = urlParts(text.startsWith(mask) ? `x${text.slice(mask.length)}` : text);
    if (parts === undefined) return false;
    return (
      isLiteral(parts.password) ||
      parts.query.some(({ name, value, secret }) => {
        // These hold the service's name as well, which is no secret.
        if (/^authMechanismProperties$/i.test(name) && !/token|password|secret/i.test(value ?? '')) return false;
        return secret && isLiteral(value);
      })
    );
  });
}

function isLiteral(text: string | undefined): boolean {
  return text !== undefined && text.replaceAll(mask, '') !== '';
}
