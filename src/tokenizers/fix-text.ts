import { namedEntity, unescapeHtml } from './html-unescape';
import { fixMojibake } from './mojibake';

/**
 * What ftfy.fix_text (6.3) does to text, as far as prompts need it; Wan's text encoder was trained on text that had been through it.
 * Line by line until nothing changes: HTML entities (unless the text holds a `<` so far), mojibake (see mojibake.ts for what
 * is left out), Latin ligatures, full and half width, curly quotes, line breaks, lone surrogates, terminal escapes,
 * control characters, NFC.
 */
export function fixText(text: string): string {
  let isHtml = false;
  return text
    .split(/(?<=\n)/)
    .map((line) => {
      isHtml ||= line.includes('<');
      return fixLine(line, isHtml);
    })
    .join('');
}

function fixLine(line: string, isHtml: boolean): string {
  for (;;) {
    const before = line;
    if (!isHtml) line = unescapeWholeEntities(line);
    line = fixMojibake(line)
      .replace(LIGATURE, (ligature) => LIGATURES[ligature]!)
      .replace(OTHER_WIDTH, (char) => (char === '\u3000' ? ' ' : char.normalize('NFKC')))
      .replace(/[\u201c-\u201f]/g, '"')
      .replace(/[\u02bc\u2018-\u201b]/g, "'")
      .replace(/\r\n|[\r\u2028\u2029\u0085]/g, '\n')
      .replace(/\p{Surrogate}/gu, '\ufffd')
      .replace(TERMINAL_ESCAPE, '')
      .replace(CONTROL, '')
      .normalize('NFC');
    if (line === before) return line;
  }
}

/** Only entities with their semicolon; also ones whose name was upper-cased with the text: `P&EACUTE;REZ`. */
function unescapeWholeEntities(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (entity) => {
    if (entity.startsWith('&#')) {
      const value = unescapeHtml(entity);
      return value.includes(';') ? entity : value;
    }
    const name = entity.slice(1, -1);
    const exact = namedEntity(name);
    if (exact !== undefined) return exact;
    const lower = name === name.toUpperCase() && unescapeHtml(entity) === entity ? namedEntity(name.toLowerCase()) : undefined;
    return lower?.toUpperCase() ?? entity;
  });
}

/** Ligatures and digraphs of Latin letters that are accidents of typesetting or of old encodings; NFKC, but for these two. */
const LIGATURES: Record<string, string> = { ŉ: 'ʼn', ﬅ: 'ſt' };
for (const char of 'ĲĳǱǲǳǄǅǆǇǈǉǊǋǌﬀﬁﬂﬃﬄﬆ') LIGATURES[char] = char.normalize('NFKC');
const LIGATURE = new RegExp(`[${Object.keys(LIGATURES).join('')}]`, 'g');

/** Full-width ASCII, half-width katakana and hangul, and the ideographic space. */
const OTHER_WIDTH = /[\u3000\uff01-\uffef]/g;

/** ECMA-48 control sequences with numeric parameters, such as colours. */
const TERMINAL_ESCAPE = new RegExp('\u001b\\[[\\d;]*[a-zA-Z]', 'g');

/** Characters "not suitable for use with markup" (Unicode Technical Report 20), but for those that make white space. */
const CONTROL = new RegExp('[\\u0000-\\u0008\\u000b\\u000e-\\u001f\\u007f\\u206a-\\u206f\\ufeff\\ufff9-\\ufffc]', 'g');
