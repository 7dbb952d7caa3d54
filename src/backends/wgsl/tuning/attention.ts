import type { Configuration } from './choice';
import type { DeviceTraits } from './traits';

/** How attention runs: `direct` is attention.wgsl, `tiled` attention-tiled.wgsl. */
export type AttentionConfiguration = Configuration &
  (
    | { readonly kind: 'direct'; readonly threads: number; readonly queries: number }
    | {
        readonly kind: 'tiled';
        readonly arithmetic: 'f32' | 'f16';
        /** Threads that share a query row, and how they exchange their parts of a score. */
        readonly split: number;
        readonly subgroups: boolean;
        /** Query rows of a group. */
        readonly rows: number;
        /** Keys in workgroup memory, and of those how many are spelled out at a time. */
        readonly keys: number;
        readonly step: number;
      }
  );

/** Threads of a group. */
const THREADS = 64;
/** Workgroup memory that every adapter has. */
const WORKGROUP_BYTES = 16_384;

/** The configurations for heads of `dim` channels (a multiple of 4); the first is the default. */
export function attentionConfigurations(traits: DeviceTraits, dim: number): readonly AttentionConfiguration[] {
  const vectors = dim / 4;
  if (traits.software) {
    // Up to 32 vec4s of queries a thread, one SIMD vector of threads a group; more take seconds to compile (docs/performance.md).
    const direct = (queries: number): AttentionConfiguration => ({ name: `f32 direct ${queries}x4`, kind: 'direct', threads: 4, queries });
    return vectors <= 16 ? [direct(2), direct(1)] : [direct(1)];
  }
  // A thread's query and output should stay in registers: at most 16 vec4s each.
  const splits = [1, 2, 4, 8].filter(
    (split) => vectors % split === 0 && (vectors / split <= 16 || split === 8 || vectors % (2 * split) !== 0),
  );
  const [least = 1] = splits;
  const wider = splits.filter((split) => split <= 4 * least && vectors / split >= 2);
  const arithmetics = traits.f16 ? (['f16', 'f32'] as const) : (['f32'] as const);
  return arithmetics.flatMap((arithmetic) =>
    (wider.length > 0 ? wider : [least]).flatMap((split) => {
      const exchanges = split === 1 ? [false] : traits.subgroups >= split ? [true, false] : [false];
      return exchanges.flatMap((subgroups) => tiles(vectors, arithmetic, split, subgroups));
    }),
  );
}

function tiles(vectors: number, arithmetic: 'f32' | 'f16', split: number, subgroups: boolean): AttentionConfiguration[] {
  const keyBytes = 2 * vectors * (arithmetic === 'f16' ? 8 : 16); // a key and its value
  return [16, 32, 8].flatMap((keys) =>
    [4, 8].flatMap((step): AttentionConfiguration[] => {
      const exchangeBytes = split > 1 && !subgroups ? 2 * step * THREADS * 4 : 0;
      if (
        keys * keyBytes + exchangeBytes > WORKGROUP_BYTES ||
        step > keys ||
        (keys === 8 && 16 * keyBytes + exchangeBytes <= WORKGROUP_BYTES)
      )
        return [];
      const exchange = split === 1 ? '' : subgroups ? ` split ${split} by subgroups` : ` split ${split}`;
      return [
        {
          name: `${arithmetic} ${keys} keys by ${step}${exchange}`,
          kind: 'tiled',
          arithmetic,
          split,
          subgroups,
          rows: THREADS / split,
          keys,
          step,
        },
      ];
    }),
  );
}
