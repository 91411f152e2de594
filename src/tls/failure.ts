// What went wrong with TLS, whichever driver tells it: drivers wrap the errors of node:tls and OpenSSL, but keep their codes or words.

export interface TlsFailure {
  readonly detail: string;
  readonly hint: string;
}

const KNOWN: readonly (readonly [RegExp, TlsFailure])[] = [
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|altnames|NJS-50[78]|Hostname\/IP does not match/i,
    {
      detail: 'the server’s certificate is for another name',
      hint: 'Write the host as the certificate names it, or set tls.serverName to a name that the certificate carries.',
    },
  ],
  [
    /CERT_HAS_EXPIRED|certificate has expired/i,
    { detail: 'the server’s certificate has expired', hint: 'Give the server a new certificate.' },
  ],
  [
    /CERT_NOT_YET_VALID|not yet valid/i,
    { detail: 'the server’s certificate is not valid yet', hint: 'Is this machine’s clock right?' },
  ],
  [
    /SELF_SIGNED_CERT|DEPTH_ZERO|UNABLE_TO_(?:VERIFY|GET)|self.signed|unable to (?:verify|get)|not trusted|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|certificate signature failure|server certificate unauthorized/i,
    {
      detail: 'no authority that is trusted here has signed the server’s certificate',
      hint: 'Name the certificate of its authority in tls.ca.',
    },
  ],
  [
    /certificate[ _]required|handshake[ _]failure|bad[ _]certificate|alert[ _](?:unknown|number 48)|tlsv1[ _]alert[ _]unknown[ _]ca|peer did not return a certificate/i,
    {
      detail: 'the server does not take our certificate, or wants one',
      hint: 'Name a certificate that the server trusts in tls.cert, and its key in tls.key.',
    },
  ],
  [
    /does not support SSL|WRONG_VERSION_NUMBER|wrong version number|packet length too long|http request|ERR_SSL_PACKET|tls_get_more_records|unexpected eof while reading|before secure TLS connection was established|establishing an SSL connection/i,
    {
      detail: 'the server does not speak TLS there',
      hint: 'Are host and port those of its TLS listener? A connection that is to be encrypted never goes on in plain text.',
    },
  ],
  [
    /ERR_OSSL|PEM_read|bad decrypt|key values mismatch|no start line|interrupted or cancelled/i,
    {
      detail: 'tls.cert or tls.key can’t be used',
      hint: 'Check both, that they belong together, and tls.keyPassword.',
    },
  ],
];

/** Undefined where TLS is not what failed. */
export function tlsFailure(error: unknown): TlsFailure | undefined {
  const words = wordsWithin(error, 0);
  return KNOWN.find(([pattern]) => pattern.test(words))?.[1];
}

const DEEPEST = 4;

/** Codes and messages of an error and of what it was caused by. */
function wordsWithin(error: unknown, depth: number): string {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null || depth > DEEPEST) return '';
  const { code, message, cause, reason, innerErrors, lastNodeError } = error as Readonly<Record<string, unknown>>;
  const errors = (error as { errors?: unknown }).errors;
  const inner = [cause, reason, lastNodeError, ...valuesOf(innerErrors), ...valuesOf(errors), ...serversOf(reason)];
  return [String(code ?? ''), String(message ?? ''), ...inner.map((each) => wordsWithin(each, depth + 1))].join(' ');
}

function valuesOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

/** What MongoDB's driver knows of each server, each with the error that it met. */
function serversOf(reason: unknown): readonly unknown[] {
  const servers = (reason as { servers?: unknown } | null | undefined)?.servers;
  return servers instanceof Map ? [...servers.values()].map((server) => (server as { error?: unknown }).error) : [];
}
