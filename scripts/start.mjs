/** `npm start`: builds unless that is done, serves on localhost, prints the address and opens the page. */
import { spawn } from 'node:child_process';
import { readArguments, describeFlags, UsageError } from './arguments.mjs';
import { DIST, ensureBuilt } from './build.mjs';
import { serve } from './serve.mjs';

const FLAGS = {
  port: { kind: 'whole', min: 0, max: 65535, help: 'port to serve on (default: 4173, or the next free one)' },
  host: { kind: 'text', value: 'HOST', help: 'address to listen on (default: 127.0.0.1; browsers only trust localhost without HTTPS)' },
  'no-open': { kind: 'switch', help: 'do not open a browser (as with BROWSER=none, or in CI)' },
  help: { kind: 'switch', help: 'show this' },
};

async function main() {
  const { values, words } = readArguments(process.argv.slice(2), FLAGS);
  if (values.help) return console.log(`npm start -- [flags]\n\n${describeFlags(FLAGS)}`);
  if (words.length > 0) throw new UsageError(`“${words[0]}” is not a flag.`);
  await ensureBuilt();
  const served = await serve(DIST, { host: values.host, port: values.port ?? [4173, 5173, 4174, 5174, 4175, 5175, 0] });
  console.log(`Kinora is at ${served.url} (Ctrl-C stops it)`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => served.close().then(() => process.exit(0)));
  if (!values['no-open'] && mayOpen(process.env)) openPage(served.url);
}

function mayOpen({ BROWSER, CI }) {
  return BROWSER !== 'none' && (!CI || CI === 'false' || CI === '0');
}

/** Opens the user's browser; where that fails the printed address is enough. */
function openPage(url) {
  const { BROWSER } = process.env;
  const [command, ...args] = BROWSER
    ? [BROWSER, url]
    : ({ darwin: ['open', url], win32: ['cmd', '/c', 'start', '""', url] }[process.platform] ?? ['xdg-open', url]);
  const child = spawn(command, args, { stdio: 'ignore', detached: true, windowsVerbatimArguments: true });
  child.on('error', () => console.log('Open that address in Chrome, Edge or another current browser.'));
  child.unref();
}

main().catch((error) => {
  console.error(error instanceof UsageError ? `${error.message}` : `Kinora could not start: ${error.message}`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
