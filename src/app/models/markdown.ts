/** A stretch of text in one style. */
export interface Run {
  readonly text: string;
  readonly style: 'plain' | 'strong' | 'code';
}

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly runs: readonly Run[] }
  | { readonly kind: 'paragraph'; readonly runs: readonly Run[] }
  | { readonly kind: 'list'; readonly items: readonly (readonly Run[])[] }
  | { readonly kind: 'table'; readonly head: readonly (readonly Run[])[]; readonly rows: readonly (readonly (readonly Run[])[])[] };

/**
 * The Markdown that our own documents are written in: headings, paragraphs, lists, tables; bold and code within. Links become their
 * words, because the documents they point to don't travel with the page.
 */
export function parseMarkdown(text: string): Block[] {
  return text
    .replace(/\r/g, '')
    .split(/\n{2,}/)
    .flatMap((chunk) => parseChunk(chunk.trim()));
}

function parseChunk(chunk: string): Block[] {
  if (chunk === '') return [];
  const lines = chunk.split('\n');
  const heading = /^(#{1,6}) (.*)$/.exec(lines[0]!);
  if (heading)
    return [{ kind: 'heading', level: heading[1]!.length, runs: parseRuns(heading[2]!) }, ...parseChunk(lines.slice(1).join('\n').trim())];
  if (lines.length > 1 && lines[0]!.startsWith('|') && /^\|[\s:|-]+\|$/.test(lines[1]!)) {
    const [head, , ...rows] = lines;
    return [{ kind: 'table', head: parseRow(head!), rows: rows.map(parseRow) }];
  }
  if (/^[-*] /.test(chunk)) {
    const items = chunk.split(/\n(?=[-*] )/).map((item) => parseRuns(item.slice(2).replace(/\s*\n\s*/g, ' ')));
    return [{ kind: 'list', items }];
  }
  return [{ kind: 'paragraph', runs: parseRuns(lines.join(' ')) }];
}

function parseRow(line: string): Run[][] {
  return line
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => parseRuns(cell.trim()));
}

function parseRuns(text: string): Run[] {
  const words = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return words
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/)
    .filter((part) => part !== '')
    .map((part) =>
      part.startsWith('**') && part.length > 4
        ? { text: part.slice(2, -2), style: 'strong' }
        : part.startsWith('`') && part.length > 2
          ? { text: part.slice(1, -1), style: 'code' }
          : { text: part, style: 'plain' },
    );
}
