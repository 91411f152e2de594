// The JSON schema for editors is committed; `npm run schema` writes it.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configJsonSchemaText } from '../../src/config/json-schema.ts';
import { storeKinds } from '../../src/stores/registry.ts';

test('plumbline.schema.json is what the reader checks', async () => {
  const file = await readFile(new URL('../../plumbline.schema.json', import.meta.url), 'utf8');
  expect(file).toBe(configJsonSchemaText(storeKinds()));
});
