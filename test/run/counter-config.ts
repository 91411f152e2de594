// The config of a table `counters` copied from one PostgreSQL to another.

import { type Config, parseConfig } from '../../src/index.ts';

export function configOf(
  urls: { readonly source: string; readonly replica: string },
  versioned: boolean,
  maxLag: number,
): Config {
  const text = `
source: { url: "\${SOURCE}" }
stores: { copy: { kind: postgres, url: "\${REPLICA}" } }
entities:
  counters:
    table: counters
    ${versioned ? 'version: updated_at' : ''}
    replicas: [{ store: copy, maxLag: ${maxLag} }]
`;
  return parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: urls.source, REPLICA: urls.replica });
}
