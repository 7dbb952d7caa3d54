import type { Configuration } from './choice';
import type { DeviceTraits } from './traits';

/** How gemm.wgsl or gemm-int8.wgsl is tiled. */
export interface GemmConfiguration extends Configuration {
  readonly arithmetic: 'f32' | 'f16' | 'int8';
  /** Through workgroup memory, or straight from storage. */
  readonly shared: boolean;
  /** Threads of a group, and the outputs of each. */
  readonly threadsM: number;
  readonly threadsN: number;
  readonly tileM: number;
  readonly tileN: number;
  /** vec4s of K that go through workgroup memory at once. */
  readonly depth: number;
}

/** Classes of row counts: conditioning vectors, prompts, clips. */
export type RowClass = 'few' | 'some' | 'many';

export function rowClass(m: number): RowClass {
  return m <= 8 ? 'few' : m <= 64 ? 'some' : 'many';
}

type Arithmetic = GemmConfiguration['arithmetic'];
type Tile = readonly [threadsM: number, threadsN: number, tileM: number, tileN: number, depth: number];

/** The first of each is the portable default. Workgroup memory is (M + N) · depth · 16 bytes in f32, at most 16 KiB. */
const TILES: Readonly<Record<RowClass, readonly Tile[]>> = {
  many: [
    [8, 8, 8, 8, 4], // 64 x 64
    [16, 16, 4, 4, 4], // 64 x 64, more threads of fewer registers
    [8, 16, 8, 4, 8], // 64 x 64, twice as deep
    [16, 16, 8, 4, 4], // 128 x 64
    [16, 16, 8, 8, 4], // 128 x 128
    [8, 8, 4, 4, 8], // 32 x 32
  ],
  some: [
    [8, 8, 4, 8, 4], // 32 x 64
    [8, 8, 4, 4, 8], // 32 x 32
    [4, 16, 4, 4, 8], // 16 x 64
    [8, 8, 8, 8, 4], // 64 x 64
  ],
  few: [
    [8, 8, 1, 8, 4], // 8 x 64
    [8, 8, 1, 4, 8], // 8 x 32
    [4, 16, 2, 4, 8], // 8 x 64
  ],
};

/** On a CPU: few threads, large tiles, straight from storage, since registers are what is cheap there (docs/performance.md). */
const SOFTWARE_TILES: Readonly<Record<RowClass, readonly Tile[]>> = {
  many: [
    [1, 4, 16, 16, 0],
    [2, 4, 8, 8, 0],
    [1, 4, 16, 4, 0],
  ],
  some: [[2, 4, 8, 8, 0]],
  few: [
    [1, 4, 8, 8, 0],
    [1, 4, 4, 8, 0],
    [1, 4, 2, 8, 0],
    [1, 4, 1, 8, 0],
  ],
};

/**
 * The configurations of a linear of `m` rows. `int8` tells whether its weights can be multiplied as they are. In `fast` precision int8 comes
 * first where there is a choice, then f16: what is first is the default.
 */
export function gemmConfigurations(traits: DeviceTraits, m: number, int8: boolean): readonly GemmConfiguration[] {
  const rows = rowClass(m);
  if (traits.software) {
    // Threads fill the vectors that a CPU adapter runs them in: four on SwiftShader, eight on lavapipe.
    const fills = ([threadsM, threadsN]: Tile) => threadsM * threadsN >= Math.min(traits.subgroups, 8);
    const tiles = SOFTWARE_TILES[rows].toSorted((a, b) => Number(fills(b)) - Number(fills(a)));
    const [first, ...rest] = tiles.map((tile) => configuration('f32', false, tile));
    // None of a tile's rows are wasted on a few rows.
    const fitting = rest.filter(({ tileM }) => rows === 'few' && tileM >= m).at(-1);
    return fitting ? [fitting, first!, ...rest.filter((other) => other !== fitting)] : [first!, ...rest];
  }
  const arithmetics: Arithmetic[] = [...(int8 && traits.int8 ? ['int8' as const] : []), ...(traits.f16 ? ['f16' as const] : []), 'f32'];
  return arithmetics.flatMap((arithmetic) => TILES[rows].map((tile) => configuration(arithmetic, true, tile)));
}

function configuration(arithmetic: Arithmetic, shared: boolean, tile: Tile): GemmConfiguration {
  const [threadsM, threadsN, tileM, tileN, depth] = tile;
  const size = `${threadsM * tileM}x${threadsN * tileN}`;
  return {
    name: `${arithmetic} ${size} by ${threadsM}x${threadsN}${shared ? ` deep ${4 * depth}` : ' direct'}`,
    arithmetic,
    shared,
    threadsM,
    threadsN,
    tileM,
    tileN,
    depth,
  };
}
