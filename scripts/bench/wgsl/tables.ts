import { blockTables } from './block-tables';
import { markdownTable, number } from './markdown';
import type { Peaks } from './peaks';
import type { RooflineRow } from './roofline';
import type { GraphTime } from './time-graph';
import type { BlockFigures } from './wan-blocks';

/** What was measured on one adapter in one precision. */
export interface WgslFigures {
  readonly adapter: string;
  readonly software: boolean;
  readonly precision: string;
  readonly peaks: Peaks;
  readonly roofline: readonly RooflineRow[];
  readonly networks: readonly (GraphTime & { readonly name: string })[];
  readonly blocks: BlockFigures | null;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
const perKernel = (dispatches: GraphTime['dispatches']) =>
  `${Object.values(dispatches).reduce((sum, count) => sum + count, 0)}: ${Object.entries(dispatches)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')}`;

/** Markdown, for docs/performance.md. */
export function wgslTables({ adapter, software, precision, peaks, roofline, networks, blocks }: WgslFigures): string {
  const network = ({ best, median, operations, dispatches, peakBytes, plannedBytes }: GraphTime) => [
    number(best),
    number(median),
    number(operations / best / 1e6),
    `${megabytes(peakBytes)} / ${megabytes(plannedBytes)}`,
    perKernel(dispatches),
  ];
  return [
    `#### ${adapter}, \`${precision}\`${software ? ' (a software adapter: only ratios within a table count)' : ''}`,
    `Peaks: ${number(peaks.f32)} GFLOP/s in f32, ${peaks.f16 === null ? 'no f16' : `${number(peaks.f16)} in f16`}, ${
      peaks.int8 === null ? 'no dot4I8Packed' : `${number(peaks.int8)} in dot4I8Packed`
    }; copies ${number(peaks.copy)} GB/s (read and written).`,
    ...(roofline.length > 0
      ? [
          markdownTable(
            ['kernel', 'sizes', 'configuration', 'ms', 'GFLOP/s', 'share of peak'],
            roofline.map(({ kernel, sizes, configuration, ms, gflops, share }) => [
              kernel,
              sizes,
              configuration,
              number(ms),
              gflops === null ? 'by bytes' : number(gflops),
              `${(100 * share).toFixed(1)} %`,
            ]),
          ),
        ]
      : []),
    ...(networks.length > 0
      ? [
          markdownTable(
            ['network of storybook', 'ms, best', 'ms, median', 'GFLOP/s', 'MB, peak / planned', 'dispatches'],
            networks.map((row) => [row.name, ...network(row)]),
          ),
        ]
      : []),
    ...(blocks ? blockTables(blocks) : []),
  ].join('\n\n');
}
