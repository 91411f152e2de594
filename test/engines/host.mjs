// A process that starts servers and then ends as its caller says: `wait` for a signal (`restart` and `pause` them first),
// `crash` or `return`. It never stops the servers itself, because the test is about what happens then.
// Usage: node host.mjs <compiled engines.js> <wait|restart|pause|crash|return> <requests as JSON>

import { pathToFileURL } from 'node:url';

const [modulePath, ending, requests] = process.argv.slice(2);
const { startEngines } = await import(pathToFileURL(modulePath).href);

const engines = await startEngines(JSON.parse(requests), (line) => console.log(line));
if (ending === 'restart') {
  for (const engine of engines) {
    await engine.down();
    await engine.up();
  }
}
if (ending === 'pause') for (const engine of engines) engine.signal('SIGSTOP');
console.log(JSON.stringify(engines.map(({ url, pid }) => ({ url, pid }))));

if (['wait', 'restart', 'pause'].includes(ending)) setInterval(() => {}, 60_000);
if (ending === 'crash') {
  setImmediate(() => {
    throw new Error('the host crashed on purpose');
  });
}
