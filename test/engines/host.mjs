// A process that starts servers and then ends as its caller says: `wait` for a signal, `crash` or `return`. It never
// stops the servers itself, because the test is about what happens then.
// Usage: node host.mjs <compiled engines.js> <wait|crash|return> <requests as JSON>

import { pathToFileURL } from 'node:url';

const [modulePath, ending, requests] = process.argv.slice(2);
const { startEngines } = await import(pathToFileURL(modulePath).href);

const engines = await startEngines(JSON.parse(requests), (line) => console.log(line));
console.log(JSON.stringify(engines.map(({ url, pid }) => ({ url, pid }))));

if (ending === 'wait') setInterval(() => {}, 60_000);
if (ending === 'crash') {
  setImmediate(() => {
    throw new Error('the host crashed on purpose');
  });
}
