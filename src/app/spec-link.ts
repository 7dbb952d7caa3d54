import type { SpecInput } from '../engine/spec';

const PREFIX = '#spec=';
/** A spec is a few hundred bytes; a link from elsewhere may be anything. */
const MAX_LINK_LENGTH = 16_384;

/** A link to the page that carries a spec behind the #, which browsers never send to a server. */
export function linkTo(spec: SpecInput, page: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(spec));
  const base64 = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
  return `${page.replace(/#.*$/s, '')}${PREFIX}${base64}`;
}

/** Whether a hash claims to carry a spec. */
export function carriesSpec(hash: string): boolean {
  return hash.startsWith(PREFIX);
}

/** The JSON in a hash, unchecked; null where there is none that can be read. */
export function readLink(hash: string): unknown {
  if (!carriesSpec(hash) || hash.length > MAX_LINK_LENGTH) return null;
  try {
    const text = atob(hash.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/'));
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  } catch {
    return null;
  }
}
