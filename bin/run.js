#!/usr/bin/env node
// The executable: the compiled command line, or a word about how to compile it.

import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  const cli = await import(main.href);
  // Not awaited: when its reader has gone away, a watch ends with nothing left to wait for, of which Node 24 would warn.
  cli.main(process.argv.slice(2), import.meta.url);
} else {
  console.error('plumbline is not built yet: npm run build');
  process.exitCode = 3;
}
