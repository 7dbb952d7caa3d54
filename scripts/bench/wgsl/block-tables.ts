import { markdownTable, number } from './markdown';
import type { BlockFigures, BlockParts, CountRow, TokenRow } from './wan-blocks';

/** Markdown of blocks of Wan 1.3B's shape: where time goes by tokens, and how it grows. */
export function blockTables({ tokens, counts }: BlockFigures): string[] {
  return [
    'One layer of Wan 1.3B’s shape (dim 1536, 12 heads x 128, ffn 8960, 512 rows of prompt), Q8_0, with the embeddings and the head around it:',
    markdownTable(
      ['tokens', 'ms', 'GFLOP/s', 'linears, ms', 'self-attention', 'cross-attention', 'rest', 'MB planned'],
      tokens.map(({ tokens: count, ms, expectedMs, operations, parts, plannedBytes }) => [
        count.toLocaleString('en'),
        ms === null ? `not run: about ${number(expectedMs! / 60_000)} minutes expected` : number(ms),
        ms === null ? '' : number(operations / ms / 1e6),
        ...(['linears', 'selfAttention', 'crossAttention', 'rest'] as const).map((part) => (parts ? number(parts[part]) : '')),
        (plannedBytes / 1e6).toFixed(0),
      ]),
    ),
    growth(tokens),
    markdownTable(
      [`at ${counts[0]!.tokens} tokens`, 'ms', 'ms for each more'],
      [...counted(counts, 'layers', 'layer'), ...counted(counts, 'steps', 'step')],
    ),
  ];
}

/** The power of the number of tokens that each part grew with, over the measured rows of 200 tokens and more. */
function growth(rows: readonly TokenRow[]): string {
  const measured = rows.filter(({ parts, tokens }) => parts && tokens >= 200);
  const [from, to] = [measured[0], measured.at(-1)];
  if (!from || !to || from === to) return 'Too few sizes were measured to say how time grows with tokens.';
  const power = (part: keyof BlockParts) => (Math.log(to.parts![part] / from.parts![part]) / Math.log(to.tokens / from.tokens)).toFixed(2);
  return `From ${from.tokens.toLocaleString('en')} to ${to.tokens.toLocaleString('en')} tokens n time grows as: linears n^${power('linears')}, self-attention n^${power('selfAttention')}, cross-attention n^${power('crossAttention')}, the rest n^${power('rest')}.`;
}

function counted(counts: readonly CountRow[], by: CountRow['by'], word: string): string[][] {
  const rows = counts.filter((row) => row.by === by);
  return rows.map(({ count, ms }, index) => {
    const before = rows[index - 1];
    return [`${count} ${word}${count === 1 ? '' : 's'}`, number(ms), before ? number((ms - before.ms) / (count - before.count)) : ''];
  });
}
