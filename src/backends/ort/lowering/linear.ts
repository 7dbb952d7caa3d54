import { int } from '../onnx/builder';
import { lowerInt8Linear, suitsInt8 } from './int8-linear';
import type { LoweringContext, NodeOf } from './context';
import { lowerNBitsLinear, suitsNBits } from './nbits-linear';

/**
 * y = x · weightᵀ + bias. In f32 as Gemm, which takes the weight as it is stored ([out, in]), packs it once and adds the
 * bias as it goes. Other kernels where the choices ask for them.
 */
export function lowerLinear(context: LoweringContext, node: NodeOf<'linear'>): void {
  const [x] = node.inputs;
  const weight = node.weights.weight!;
  const bias = node.weights.bias;
  if (context.choices.linear === 'int8' && suitsInt8(weight)) return lowerInt8Linear(context, node);
  if (context.choices.linear === 'nbits' && suitsNBits(weight)) return lowerNBitsLinear(context, node);
  const inputs = [context.get(x!, 'rows'), context.weight(weight), ...(bias ? [context.weight(bias)] : [])];
  context.set(node.output, 'rows', context.onnx.node('Gemm', inputs, { attributes: [int('transB', 1)] }));
}
