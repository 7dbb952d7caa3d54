import type { Value } from '../../../graph/types';
import { float, int } from '../onnx/builder';
import type { Form, LoweringContext, NodeOf } from './context';

/** (x − mean) / √(variance + eps) · weight + bias, over the last axis. */
export function lowerLayerNorm(context: LoweringContext, node: NodeOf<'layerNorm'>): void {
  const [x] = node.inputs as readonly [Value];
  const { weight, bias } = node.weights;
  const { eps } = node.attributes;
  const form = context.formOf(x, 'rows', 'sequence', 'natural');
  const name = context.get(x, form);
  const scale = weight ? context.weight(weight) : context.onnx.filled(1, x.shape.at(-1) as number); // the ops insist on one
  if (context.choices.layerNorm === 'fused') {
    const inputs = [name, scale, ...(bias ? [context.weight(bias)] : [])];
    context.set(node.output, form, context.onnx.node('LayerNormalization', inputs, { attributes: normAttributes(eps) }));
    return;
  }
  // The variance is the mean square of what is left when the mean is taken off.
  const mean = context.onnx.node('ReduceMean', [name, context.onnx.int64s([-1])], { attributes: [int('keepdims', 1)] });
  const centred = context.onnx.node('Sub', [name, mean]);
  const scaled = context.onnx.node('SimplifiedLayerNormalization', [centred, scale], { attributes: normAttributes(eps) });
  context.set(node.output, form, bias ? context.onnx.node('Add', [scaled, context.weight(bias)]) : scaled);
}

function normAttributes(eps: number) {
  return [int('axis', -1), float('epsilon', eps)];
}

/** x / √(mean(x²) + eps) · weight, over the last axis. */
export function lowerRmsNorm(context: LoweringContext, node: NodeOf<'rmsNorm'>): void {
  const [x] = node.inputs as readonly [Value];
  const form = context.formOf(x, 'rows', 'sequence', 'natural');
  const inputs = [context.get(x, form), context.weight(node.weights.weight!)];
  context.set(
    node.output,
    form,
    context.onnx.node('SimplifiedLayerNormalization', inputs, { attributes: normAttributes(node.attributes.eps) }),
  );
}

/** x · (1 + scale) + shift. */
export function lowerModulate(context: LoweringContext, node: NodeOf<'modulate'>): void {
  const [x, shift, scale] = node.inputs as readonly [Value, Value, Value];
  const form = modulationForm(context, x, [shift, scale]);
  const factor = context.onnx.node('Add', [context.get(scale, form), context.onnx.scalar(1)]);
  const scaled = context.onnx.node('Mul', [context.get(x, form), factor]);
  context.set(node.output, form, context.onnx.node('Add', [scaled, context.get(shift, form)]));
}

/** x + gate · y. */
export function lowerGatedAdd(context: LoweringContext, node: NodeOf<'gatedAdd'>): void {
  const [x, y, gate] = node.inputs as readonly [Value, Value, Value];
  const form = modulationForm(context, y, [gate]);
  const gated = context.onnx.node('Mul', [context.get(y, form), context.get(gate, form)]);
  context.set(node.output, form, context.onnx.node('Add', [context.get(x, form), gated]));
}

/** Vectors of a single frame [1, 1, D] broadcast over rows as over [F, S, D]; several need the frames' axis. */
function modulationForm(context: LoweringContext, x: Value, vectors: readonly Value[]): Form {
  return vectors.every((vector) => vector.shape[0] === 1) ? context.formOf(x, 'rows', 'sequence', 'natural') : 'natural';
}
