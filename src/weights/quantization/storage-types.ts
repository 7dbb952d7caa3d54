import type { WeightType } from '../../graph/types';

/** Everything that a tensor in a file may hold: weights, and the integers that safetensors files carry beside them. */
export type StorageType = WeightType | 'U8' | 'U16' | 'U32' | 'U64' | 'BOOL';

export interface BlockLayout {
  /** Weights that one block holds; rows are whole blocks. */
  readonly weights: number;
  readonly bytes: number;
}

/** Block sizes of ggml's types (src/ggml-common.h at d99724f); plain types are blocks of one. */
export const BLOCK_LAYOUTS: Readonly<Record<StorageType, BlockLayout>> = {
  F64: { weights: 1, bytes: 8 },
  F32: { weights: 1, bytes: 4 },
  F16: { weights: 1, bytes: 2 },
  BF16: { weights: 1, bytes: 2 },
  F8_E4M3: { weights: 1, bytes: 1 },
  F8_E5M2: { weights: 1, bytes: 1 },
  I64: { weights: 1, bytes: 8 },
  I32: { weights: 1, bytes: 4 },
  I16: { weights: 1, bytes: 2 },
  I8: { weights: 1, bytes: 1 },
  U64: { weights: 1, bytes: 8 },
  U32: { weights: 1, bytes: 4 },
  U16: { weights: 1, bytes: 2 },
  U8: { weights: 1, bytes: 1 },
  BOOL: { weights: 1, bytes: 1 },
  Q4_0: { weights: 32, bytes: 18 },
  Q4_1: { weights: 32, bytes: 20 },
  Q5_0: { weights: 32, bytes: 22 },
  Q5_1: { weights: 32, bytes: 24 },
  Q8_0: { weights: 32, bytes: 34 },
  IQ4_NL: { weights: 32, bytes: 18 },
  Q3_K: { weights: 256, bytes: 110 },
  Q4_K: { weights: 256, bytes: 144 },
  Q5_K: { weights: 256, bytes: 176 },
  Q6_K: { weights: 256, bytes: 210 },
};

/** Whether a network can use the type: graph/types.ts names these. */
export function isWeightType(type: StorageType): type is WeightType {
  return type !== 'U8' && type !== 'U16' && type !== 'U32' && type !== 'U64' && type !== 'BOOL';
}
