import type { Node } from '../../../graph/types';

/** The function of shaders/parts/activations.wgsl that an op is, if it is one. */
export function activationFunction(node: Node): string | undefined {
  if (node.op === 'gelu') return node.attributes.approximate === 'none' ? 'geluErf' : 'gelu';
  if (node.op === 'tanh') return 'safeTanh';
  return node.op === 'silu' || node.op === 'relu' ? node.op : undefined;
}
