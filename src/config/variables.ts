// `${NAME}` and `${NAME:-default}` inside a text of the config, from the environment that the caller gives. Pure.

/** Stands for a variable's value where only what the file itself says may be looked at. */
export const mask = '\uE000';

export interface Expansion {
  readonly text: string;
  /** What the file itself says: every variable is the mask. */
  readonly masked: string;
  /** As `masked`, but a default, which the file says as well, stands in its variable's place. */
  readonly withDefaults: string;
  /** A variable or its default stands in it. */
  readonly hasVariable: boolean;
  /** The variables' values: they must not stand in any message. */
  readonly values: readonly string[];
  readonly problems: readonly VariableProblem[];
}

export interface VariableProblem {
  /** What to look for in the file's text, to name the line. */
  readonly reference: string;
  readonly message: string;
  readonly hint: string;
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;

/**
 * Replaces every variable. `$${` is a literal `${`. A default is taken when the variable is unset or empty, as in a shell.
 * In a URL's user name or password a value that can't stand there raw (`p@ss/word`) is percent-encoded.
 */
export function expandVariables(template: string, env: Readonly<Record<string, string | undefined>>): Expansion {
  const problems: VariableProblem[] = [];
  const values: string[] = [];
  let text = '';
  let masked = '';
  let withDefaults = '';
  let end = 0;
  for (const match of template.matchAll(reference)) {
    const between = template.slice(end, match.index);
    end = match.index + match[0].length;
    text += between;
    masked += between;
    withDefaults += between;
    if (match[1] === undefined) {
      text += '${';
      masked += '${';
      withDefaults += '${';
      continue;
    }
    const parts = /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(match[1]);
    if (!parts || match[2] === '' || parts[2]?.includes('${')) {
      problems.push({
        reference: match[0],
        message: `this \${…} is no variable`,
        hint: `Write \${NAME} or \${NAME:-default}, the default without braces; for a literal \${ write $\${.`,
      });
      continue;
    }
    const [, name, fallback] = parts;
    // What every object has, such as toString, is no variable.
    const value = Object.hasOwn(env, name!) ? env[name!] : undefined;
    const given = value || fallback === undefined ? value : undefined;
    if (given !== undefined) {
      const encoded = encodeFor(masked, template.slice(end), given);
      text += encoded;
      values.push(given);
      if (encoded !== given) values.push(encoded);
    } else if (fallback !== undefined) {
      text += fallback;
    } else {
      problems.push({
        reference: match[0],
        message: `environment variable ${name} is not set`,
        hint: `Set it, or give a default: \${${name}:-…}.`,
      });
    }
    masked += mask;
    withDefaults += fallback ?? mask;
  }
  const rest = template.slice(end);
  return {
    text: text + rest,
    masked: masked + rest,
    withDefaults: withDefaults + rest,
    hasVariable: masked.includes(mask),
    values: values.filter((value) => value !== ''),
    problems,
  };
}

/** A value with a character that would end the password is surely raw; one without is left alone, as it may be encoded already. */
function encodeFor(before: string, after: string, value: string): string {
  const userInfo = /^[a-z][a-z\d+.-]*:\/\/([^@/?#]*)$/i.exec(before)?.[1];
  const toHost = /^([^@/?#]*)@/.exec(after.replaceAll(/\$\{[^}]*\}/g, ''))?.[1];
  if (userInfo === undefined || toHost === undefined) return value;
  if (userInfo.includes(':')) return /[/?#@[\]\s]/.test(value) ? encodeURIComponent(value) : value;
  if (toHost.includes(':')) return /[:/?#@[\]\s]/.test(value) ? encodeURIComponent(value) : value;
  return value;
}
