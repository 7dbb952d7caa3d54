import type { Graph, OpName, WeightSource } from '../../../graph/types';
import type { ExternalWeight } from '../onnx/builder';
import type { OnnxModel } from '../onnx/model';
import { lowerAttention, lowerRope } from './attention';
import type { Choices } from './choices';
import { LoweringContext, outputName, type NodeOf, type Table } from './context';
import { lowerConv2d } from './convolution';
import { lowerAdd, lowerClamp, lowerGelu, lowerMul, lowerRelu, lowerScale, lowerSilu, lowerTanh } from './elementwise';
import { lowerPatchify, lowerPixelShuffle, lowerPixelUnshuffle, lowerShiftFrames, lowerUnpatchify, lowerUpsampleNearest } from './frames';
import { lowerConcat, lowerReshape, lowerSlice, lowerTranspose } from './layout';
import { lowerLinear } from './linear';
import { lowerGatedAdd, lowerLayerNorm, lowerModulate, lowerRmsNorm } from './normalization';
import { lowerEmbedding, lowerWeight } from './tables';

const LOWERINGS: { readonly [Op in OpName]: (context: LoweringContext, node: NodeOf<Op>) => void } = {
  weight: lowerWeight,
  linear: lowerLinear,
  embedding: lowerEmbedding,
  layerNorm: lowerLayerNorm,
  rmsNorm: lowerRmsNorm,
  modulate: lowerModulate,
  gatedAdd: lowerGatedAdd,
  add: lowerAdd,
  mul: lowerMul,
  scale: lowerScale,
  gelu: lowerGelu,
  silu: lowerSilu,
  relu: lowerRelu,
  tanh: lowerTanh,
  clamp: lowerClamp,
  rope: lowerRope,
  attention: lowerAttention,
  conv2d: lowerConv2d,
  upsampleNearest: lowerUpsampleNearest,
  pixelShuffle: lowerPixelShuffle,
  pixelUnshuffle: lowerPixelUnshuffle,
  shiftFrames: lowerShiftFrames,
  patchify: lowerPatchify,
  unpatchify: lowerUnpatchify,
  concat: lowerConcat,
  slice: lowerSlice,
  reshape: lowerReshape,
  transpose: lowerTranspose,
};

export interface LoweredGraph {
  readonly model: OnnxModel;
  readonly weights: readonly ExternalWeight[];
  /** Inputs to be made for each run, beside the graph's own. */
  readonly tables: readonly Table[];
}

/** A graph as an ONNX model, with its weights beside it, to be loaded when the session is made. */
export function lowerGraph(graph: Graph, source: WeightSource, choices: Choices): LoweredGraph {
  const context = new LoweringContext(graph, source, choices);
  for (const node of graph.nodes) (LOWERINGS[node.op] as (context: LoweringContext, node: NodeOf<OpName>) => void)(context, node);
  for (const { name, value } of graph.outputs) {
    context.onnx.alias(context.get(value), outputName(name));
    context.onnx.output(outputName(name), value.type === 'f32' ? 'FLOAT' : 'INT32', value.shape);
  }
  return { model: context.onnx.model(), weights: context.onnx.weights, tables: context.tables };
}
