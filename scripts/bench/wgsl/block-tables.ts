import { markdownTable, number } from './markdown';
import type { BlockParts, BlockRow } from './wan-blocks';

/** Markdown of blocks of Wan 1.3B's shape: where time goes by tokens, and how it grows. */
export function blockTables(rows: readonly BlockRow[]): string[] {
  const single = rows.filter(({ steps }) => steps === 1);
  const [first] = rows;
  if (!first) return [];
  const byTokens = single.filter(({ layers }) => layers === first.layers);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
  const share = (row: BlockRow, part: keyof BlockParts) => (row.parts ? number(row.parts[part]) : '');
  return [
    markdownTable(
      ['tokens, one layer', 'ms', 'GFLOP/s', 'linears, ms', 'self-attention', 'cross-attention', 'rest', 'MB planned'],
      byTokens.map((row) => [
        row.tokens.toLocaleString('en'),
        row.ms === null ? `not run: about ${number(row.expectedMs! / 60_000)} minutes expected` : number(row.ms),
        row.ms === null ? '' : number(row.operations / row.ms / 1e6),
        share(row, 'linears'),
        share(row, 'selfAttention'),
        share(row, 'crossAttention'),
        share(row, 'rest'),
        megabytes(row.plannedBytes),
      ]),
    ),
    growth(byTokens),
    markdownTable(
      [`at ${first.tokens} tokens`, 'ms', 'ms for each more'],
      [
        ...counted(
          single.filter(({ tokens }) => tokens === first.tokens),
          'layers',
          'layer',
        ),
        ...counted(
          rows.filter(({ tokens, layers }) => tokens === first.tokens && layers === first.layers),
          'steps',
          'step',
        ),
      ],
    ),
  ];
}

/** The power of the number of tokens that each part grew with, over the measured rows of 200 tokens and more. */
function growth(rows: readonly BlockRow[]): string {
  const measured = rows.filter(({ parts, tokens }) => parts && tokens >= 200);
  const [from, to] = [measured[0], measured.at(-1)];
  if (!from || !to || from === to) return 'Too few sizes were measured to say how time grows with tokens.';
  const power = (part: keyof BlockParts) => (Math.log(to.parts![part] / from.parts![part]) / Math.log(to.tokens / from.tokens)).toFixed(2);
  return `From ${from.tokens.toLocaleString('en')} to ${to.tokens.toLocaleString('en')} tokens n time grows as: linears n^${power('linears')}, self-attention n^${power('selfAttention')}, cross-attention n^${power('crossAttention')}, the rest n^${power('rest')}.`;
}

function counted(rows: readonly BlockRow[], by: 'layers' | 'steps', word: string): string[][] {
  return rows.map((row, index) => {
    const before = rows[index - 1];
    const more = before && row.ms !== null && before.ms !== null ? number((row.ms - before.ms) / (row[by] - before[by])) : '';
    return [`${row[by]} ${word}${row[by] === 1 ? '' : 's'}`, row.ms === null ? '' : number(row.ms), more];
  });
}
