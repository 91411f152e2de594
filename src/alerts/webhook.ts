// `webhook`: the alert as the body of an HTTP POST, as JSON or as a message that Slack understands.

import { z } from 'zod';
import { isSecretName, secretsOf } from '../config/redact.ts';
import { DeliveryError, wordsOf } from '../errors.ts';
import { defineAlertKind } from './alert-kind.ts';
import { slackMessage } from './slack.ts';

const options = z.strictObject({
  url: z
    .string()
    .regex(/^https?:\/\/./i, { error: 'is no address of a webhook; write https://host/path' })
    .describe('Where it is posted to. What comes from the environment is kept secret.'),
  format: z
    .enum(['json', 'slack'])
    .optional()
    .describe('`json` (default), or `slack`: a message as Slack, Mattermost and Discord (/slack) take it.'),
  headers: z
    .record(
      z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'is no name of a header' }),
      z.string().regex(/^[ -~\u00a1-\u00ff]*$/, { error: 'has characters that no header can hold' }),
    )
    .optional()
    .describe('Further headers, such as Authorization.'),
});

/** What a shorter piece of an address would tear out of other texts is no secret that anybody could rely on. */
const SHORTEST_SECRET = 12;
const LONGEST_ANSWER = 200;

export const webhook = defineAlertKind<z.infer<typeof options>>({
  kind: 'webhook',
  summary: 'An HTTP POST to an address of yours.',
  options,
  secrets({ url, headers = {} }, fromEnvironment) {
    const ofHeaders = Object.entries(headers).flatMap(([name, value]) =>
      isSecretHeader(name) ? [value, value.replace(SCHEME, '')] : [],
    );
    return [...secretsOf(url), ...(fromEnvironment('url') ? addressSecrets(url) : []), ...ofHeaders];
  },
  async send({ url, format = 'json', headers = {} }, alert, { signal }) {
    const { href, authorization } = address(url);
    let response: Response;
    try {
      response = await fetch(href, {
        method: 'POST',
        // A redirected POST would arrive as a GET without its body.
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'user-agent': 'plumbline', ...authorization, ...headers },
        body: JSON.stringify(format === 'slack' ? slackMessage(alert) : alert),
        signal,
      });
    } catch (error) {
      throw new DeliveryError(signal.aborted ? 'no answer in time' : networkWords(error), { transient: true });
    }
    if (response.ok) return void (await response.body?.cancel().catch(() => {}));
    const { status, statusText } = response;
    const words = [`${status} ${statusText}`.trim(), await answerOf(response)].filter((text) => text !== '').join(': ');
    throw new DeliveryError(words, {
      transient: status >= 500 || [408, 425, 429].includes(status),
      retryAfter: retryAfter(response.headers.get('retry-after')),
      hint:
        status >= 300 && status < 400
          ? 'Redirections are not followed: write the address that it points to.'
          : undefined,
    });
  },
});

const SCHEME = /^\w+ +/;

/** Whether a header of this name holds a secret. */
export function isSecretHeader(name: string): boolean {
  return isSecretName(name) || /authorization$|cookie$|signature$|key$/i.test(name);
}

/** Whoever knows the address of a webhook may write there. */
function addressSecrets(url: string): string[] {
  const { pathname, search, searchParams } = new URL(url);
  const pieces = [`${pathname}${search}`, ...pathname.split('/'), ...searchParams.values()];
  return [url, ...pieces.filter((piece) => piece.length >= SHORTEST_SECRET)];
}

/** fetch refuses a user and password in a URL. */
function address(url: string): { readonly href: string; readonly authorization: Record<string, string> } {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return { href: url, authorization: {} };
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { href: bare.href, authorization: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

/** The beginning of what a receiver says about its refusal: `invalid_payload`. */
async function answerOf({ body }: Response): Promise<string> {
  if (body === null) return '';
  const reader = body.getReader();
  try {
    const { value } = await reader.read();
    return new TextDecoder().decode(value).replace(/\s+/g, ' ').trim().slice(0, LONGEST_ANSWER);
  } catch {
    return ''; // the status says enough
  } finally {
    reader.cancel().catch(() => {});
  }
}

const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host’s name could not be looked up',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection broke',
};

function networkWords(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const { code } = cause as { readonly code?: string };
  return NETWORK_WORDS[code ?? ''] ?? wordsOf(cause);
}

/** Milliseconds, from seconds or a date. */
function retryAfter(words: string | null): number | undefined {
  if (words === null) return undefined;
  const milliseconds = /^\d+$/.test(words) ? Number(words) * 1000 : Date.parse(words) - Date.now();
  return milliseconds > 0 ? milliseconds : undefined;
}
