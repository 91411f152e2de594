// The last step of a build: writes oclif.manifest.json, the words and flags of all commands, so that help loads no command and a command no other.

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Plugin } from '@oclif/core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true });
await plugin.load();
await writeFile(new URL('../../oclif.manifest.json', import.meta.url), JSON.stringify(plugin.manifest));
