/**
 * Serves the built page: `node scripts/serve.mjs [--dir dist] [--host 127.0.0.1] [--port 4173] [--base /] [--no-headers]`.
 * A plain static server (node:http alone) with what Kinora needs of a host: cross-origin isolation and CSP headers, right MIME
 * types, byte ranges for resumed downloads, validators, and for ever caching of files that carry a hash in their name.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, UsageError } from './arguments.mjs';
import { SECURITY_HEADERS } from './headers.mjs';

const MIME_TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.woff2': 'font/woff2',
  '.gguf': 'application/octet-stream',
  '.safetensors': 'application/octet-stream',
};

/** Vite puts a hash of the contents into the name: such a file never changes. */
const HASHED = /\/assets\/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

/**
 * A request handler for the files under `root`. `base` is the path that the page is served under; `headers` are added to every
 * answer (null for none, as on a plain host).
 * @param {string} root
 * @param {{ base?: string, headers?: Record<string, string> | null }} [options]
 */
export function staticHandler(root, { base = '/', headers = SECURITY_HEADERS } = {}) {
  const folder = resolve(root);
  return (request, response) => {
    answer(request, response, folder, normalizeBase(base), headers ?? {}).catch((error) => {
      if (response.headersSent) response.destroy(error);
      else send(response, 500, headers ?? {}, 'The file could not be read.');
    });
  };
}

/**
 * Serves `root` until `close()`. Tries the ports in turn where a list is given (0 is any free one).
 * @param {string} root
 * @param {{ host?: string, port?: number | number[], base?: string, headers?: Record<string, string> | null }} [options]
 */
export async function serve(root, { host = '127.0.0.1', port = 0, base = '/', headers = SECURITY_HEADERS } = {}) {
  const server = createServer(staticHandler(root, { base, headers }));
  const ports = Array.isArray(port) ? port : [port];
  for (const [index, candidate] of ports.entries()) {
    const problem = await listen(server, candidate, host);
    if (!problem) break;
    if (problem.code !== 'EADDRINUSE' || index === ports.length - 1) throw problem;
  }
  const bound = server.address().port;
  const name = host === '127.0.0.1' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}${normalizeBase(base)}`,
    port: bound,
    server,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listen(server, port, host) {
  return new Promise((done) => {
    const failed = (error) => done(error);
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      done(null);
    });
  });
}

async function answer(request, response, root, base, headers) {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, { ...headers, Allow: 'GET, HEAD' }, 'Only GET and HEAD are answered here.');
  const [rawPath, query] = request.url.split(/\?(.*)/s);
  const path = decodePath(rawPath);
  if (path === null) return send(response, 400, headers, 'The address is malformed.');
  if (!`${path}/`.startsWith(base)) return send(response, 404, headers, 'There is nothing at this address.');
  if (path === base.slice(0, -1) && base !== '/') return redirect(response, headers, `${base}${query ? `?${query}` : ''}`);
  const file = await findFile(root, path.slice(base.length));
  if (file === 'folder') return redirect(response, headers, `${rawPath.replace(/^\/{2,}/, '/')}/${query ? `?${query}` : ''}`);
  if (!file) return send(response, 404, headers, 'There is nothing at this address.');
  sendFile(request, response, file, path, headers);
}

function decodePath(rawPath) {
  try {
    const path = decodeURIComponent(rawPath);
    return path.startsWith('/') && !/[\0\\]/.test(path) ? path : null;
  } catch {
    return null;
  }
}

/** The file that a path names, `folder` when it names one without its final slash, or null. Never one outside `root`, never a dotfile. */
async function findFile(root, relative) {
  if (relative.split('/').some((part) => part.startsWith('.'))) return null;
  const wanted = join(root, relative.endsWith('/') || relative === '' ? `${relative}index.html` : relative);
  try {
    const [path, top] = [await realpath(wanted), await realpath(root)];
    if (!path.startsWith(top + sep)) return null;
    const info = await stat(path);
    if (info.isDirectory()) return (await stat(join(path, 'index.html'))).isFile() ? 'folder' : null;
    return info.isFile() ? { path, sizeBytes: info.size, modified: info.mtime } : null;
  } catch {
    return null;
  }
}

function sendFile(request, response, file, path, securityHeaders) {
  const etag = `"${file.sizeBytes.toString(36)}-${Math.round(file.modified.getTime()).toString(36)}"`;
  const headers = {
    ...securityHeaders,
    'Content-Type': MIME_TYPES[extname(file.path).toLowerCase()] ?? 'application/octet-stream',
    'Cache-Control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    'Accept-Ranges': 'bytes',
    'Last-Modified': file.modified.toUTCString(),
    ETag: etag,
  };
  if (matchesTag(request.headers['if-none-match'], etag)) return response.writeHead(304, headers).end();
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === etag ? parseRange(request.headers.range, file.sizeBytes) : null;
  if (range === 'unsatisfiable')
    return send(response, 416, { ...securityHeaders, 'Content-Range': `bytes */${file.sizeBytes}` }, 'The range lies outside the file.');
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 };
  headers['Content-Length'] = end - start + 1;
  if (range) headers['Content-Range'] = `bytes ${start}-${end}/${file.sizeBytes}`;
  response.writeHead(range ? 206 : 200, headers);
  if (request.method === 'HEAD' || file.sizeBytes === 0) return response.end();
  const stream = createReadStream(file.path, { start, end });
  stream.on('error', (error) => response.destroy(error));
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

function matchesTag(header, etag) {
  return header !== undefined && header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

/** One range of RFC 9110 §14.1.2 as { start, end }; null (the whole file) for several, other units or nonsense. */
export function parseRange(header, sizeBytes) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

function redirect(response, headers, location) {
  send(response, 308, { ...headers, Location: location }, 'Moved.');
}

function send(response, status, headers, sentence) {
  const body = Buffer.from(`${sentence}\n`);
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  response.end(response.req?.method === 'HEAD' ? undefined : body);
}

function normalizeBase(base) {
  return `/${base.split('/').filter(Boolean).join('/')}/`.replace('//', '/');
}

const FLAGS = {
  dir: { kind: 'text', value: 'DIR', help: 'folder to serve (default: dist)' },
  host: { kind: 'text', value: 'HOST', help: 'address to listen on (default: 127.0.0.1)' },
  port: { kind: 'whole', min: 0, max: 65535, help: 'port (default: 4173, or the next free one)' },
  base: { kind: 'text', value: 'PATH', help: 'path to serve under (default: /)' },
  'no-headers': { kind: 'switch', help: 'send no isolation and security headers, as a plain host would' },
};

async function main() {
  const { values } = readArguments(process.argv.slice(2), FLAGS);
  const served = await serve(values.dir ?? fileURLToPath(new URL('../dist', import.meta.url)), {
    host: values.host ?? '127.0.0.1',
    port: values.port ?? [4173, 4174, 4175, 4176, 0],
    base: values.base ?? '/',
    headers: values['no-headers'] ? null : SECURITY_HEADERS,
  });
  console.log(served.url);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => served.close().then(() => process.exit(0)));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().catch((error) => {
    console.error(error.message);
    process.exit(error instanceof UsageError ? 2 : 1);
  });
