import { equalShapes } from '../../../graph/dims';
import type { Value } from '../../../graph/types';
import { text, type NodeOptions } from '../onnx/builder';
import type { Form, LoweringContext, NodeOf } from './context';

/** An op on each element by itself works in whatever form the value is in. */
function lowerUnary(context: LoweringContext, x: Value, output: Value, emit: (name: string) => string): void {
  const form = context.formOf(x, 'rows', 'sequence', 'channelsLast', 'natural');
  context.set(output, form, emit(context.get(x, form)));
}

function unary(op: string, options?: NodeOptions) {
  return (context: LoweringContext, node: { readonly inputs: readonly Value[]; readonly output: Value }): void =>
    lowerUnary(context, node.inputs[0]!, node.output, (name) => context.onnx.node(op, [name], options));
}

export const lowerRelu = unary('Relu');
export const lowerTanh = unary('Tanh');

export function lowerGelu(context: LoweringContext, node: NodeOf<'gelu'>): void {
  unary('Gelu', { attributes: [text('approximate', node.attributes.approximate)] })(context, node);
}

/**
 * x / (1 + e^−x). Not x · Sigmoid(x): the CPU's Sigmoid is a rational approximation, and a transformer's timestep embedding
 * came out up to 1.6e-4 of its deviation off by it.
 */
export function lowerSilu(context: LoweringContext, node: NodeOf<'silu'>): void {
  const { onnx } = context;
  lowerUnary(context, node.inputs[0]!, node.output, (x) =>
    onnx.node('Div', [x, onnx.node('Add', [onnx.node('Exp', [onnx.node('Neg', [x])]), onnx.scalar(1)])]),
  );
}

export function lowerScale(context: LoweringContext, node: NodeOf<'scale'>): void {
  const factor = context.onnx.scalar(node.attributes.factor);
  lowerUnary(context, node.inputs[0]!, node.output, (x) => context.onnx.node('Mul', [x, factor]));
}

export function lowerClamp(context: LoweringContext, node: NodeOf<'clamp'>): void {
  const limits = [node.attributes.min, node.attributes.max].map((limit) => context.onnx.scalar(limit));
  lowerUnary(context, node.inputs[0]!, node.output, (x) => context.onnx.node('Clip', [x, ...limits]));
}

function binary(op: 'Add' | 'Mul') {
  return (context: LoweringContext, node: NodeOf<'add'> | NodeOf<'mul'>): void => {
    const [a, b] = node.inputs as readonly [Value, Value];
    const form = commonForm(context, a, b);
    context.set(node.output, form, context.onnx.node(op, [context.get(a, form), context.get(b, form)]));
  };
}

export const lowerAdd = binary('Add');
export const lowerMul = binary('Mul');

/** Values of one shape can meet in any form; a broadcast needs the shapes that it was written for. */
function commonForm(context: LoweringContext, a: Value, b: Value): Form {
  if (!equalShapes(a.shape, b.shape)) return 'natural';
  const forms: readonly Form[] = ['rows', 'sequence', 'channelsLast', 'natural'];
  return (
    forms.find((form) => context.has(a, form) && context.has(b, form)) ?? context.formOf(a, 'rows', 'sequence', 'channelsLast', 'natural')
  );
}
