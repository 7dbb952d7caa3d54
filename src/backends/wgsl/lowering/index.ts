import type { Bindings } from '../../../graph/dims';
import type { Graph, Node, Value } from '../../../graph/types';
import { fuse, type Group } from '../fuse';
import type { Kernel, Operand } from '../kernel';
import { operandBytes } from '../pack-weights';
import { blockRows } from '../block-rows';
import { splitKernel } from '../split-kernel';
import { lowerAttention } from './attention';
import { createContext, product, type LoweringContext, type LoweringTarget } from './context';
import { lowerConv2d } from './conv2d';
import { lowerElementwise } from './elementwise';
import { lowerEmbedding, lowerLinear } from './linear';
import { lowerNorm, lowerRope } from './norm';
import { lowerRearrangement } from './rearrange';

/** A graph as dispatches at concrete sizes, in order. */
export function lowerGraph(graph: Graph, bindings: Bindings, target: LoweringTarget): readonly Kernel[] {
  const groups = fuse(graph);
  const context = createContext(graph, bindings, target, stridedValues(graph, groups));
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const sizeBytes = (operand: Operand) => operandBytes(operand, (value) => 4 * product(context.shape(value)));
  const kernels = groups.flatMap((group) => {
    if (group.kind === 'single' && (context.isAlias(group.output) || (group.node.op === 'weight' && !outputs.has(group.output)))) return [];
    return lowerGroup(group, context);
  });
  const { bindingBytes } = context;
  const external = new Set([...graph.inputs, ...graph.outputs].map(({ value }) => value));
  return blockRows(kernels, { sizeBytes, external, bindingBytes }).flatMap((kernel) => splitKernel(kernel, sizeBytes, bindingBytes));
}

/** Values that only kernels read which can take one row in every so many: shifts and scales folded into norms, gates into linears. */
function stridedValues(graph: Graph, groups: readonly Group[]): ReadonlySet<Value> {
  const folded = new Map<Node, readonly Value[]>();
  for (const group of groups) {
    if (group.kind === 'norm' && group.modulate) folded.set(group.modulate, group.modulate.inputs.slice(1));
    if (group.kind === 'linear' && group.residual?.op === 'gatedAdd') folded.set(group.residual, group.residual.inputs.slice(2));
  }
  const strided = new Set([...folded.values()].flat());
  for (const node of graph.nodes)
    node.inputs.forEach((value, index) => {
      const isFolded = folded.get(node)?.includes(value) && index >= (node.op === 'gatedAdd' ? 2 : 1);
      if (!isFolded) strided.delete(value);
    });
  return strided;
}

function lowerGroup(group: Group, context: LoweringContext): readonly Kernel[] {
  switch (group.kind) {
    case 'linear':
      return lowerLinear(group, context);
    case 'norm':
      return lowerNorm(group, context);
    case 'conv2d':
      return lowerConv2d(group, context);
    case 'single':
      return lowerSingle(group, context);
  }
}

function lowerSingle({ node }: Extract<Group, { kind: 'single' }>, context: LoweringContext): readonly Kernel[] {
  switch (node.op) {
    case 'linear':
    case 'layerNorm':
    case 'rmsNorm':
    case 'conv2d':
      throw new Error(`${node.op} always starts a group`);
    case 'embedding':
      return lowerEmbedding(node, context);
    case 'attention':
      return lowerAttention(node, context);
    case 'rope':
      return lowerRope(node, context);
    case 'add':
    case 'mul':
    case 'gatedAdd':
    case 'modulate':
    case 'scale':
    case 'clamp':
    case 'gelu':
    case 'silu':
    case 'relu':
    case 'tanh':
      return lowerElementwise(node, context);
    default:
      return lowerRearrangement(node, context);
  }
}
