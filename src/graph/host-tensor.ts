import type { ElementType } from './types';

/** A tensor in ordinary memory, row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly data: Float32Array | Int32Array;
}
