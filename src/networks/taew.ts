import { GraphBuilder } from '../graph/builder';
import { divideDims, evaluateShape, formatShape, multiplyDims } from '../graph/dims';
import { invalidGraph } from '../graph/errors';
import type { Dim, Graph, Value, WeightSource } from '../graph/types';
import type { WeightScope } from '../graph/weight-scope';
import { spatialFactor, temporalFactor, type TaewLayout, type TaewModule } from './taew-layout';

/*
 * Tiny autoencoders for video (TAEHV, github.com/madebyollin/taehv): 2-D convolutions over single frames, and
 * blocks that also see the frame before. What a block saw last is its memory, [1, C, H, W], an input and an
 * output: with zeros and all frames at once this is the parallel network, and with one latent frame at a time
 * and each run's memories handed to the next, the streaming one. Both give equal results.
 *
 * Around the graph: an encoder takes `encoderFrames(layout, frames)`, and of a decoder's frames the first
 * `leadingFrames(layout)` are dropped. Latents are used as they are: no mean, no standard deviation.
 */

export interface TaewOptions {
  /** Whether intermediate results become outputs too: `decoder.<module>`, `encoder.<module>`, `frames_unclamped`. */
  readonly taps?: boolean;
}

/** `latents` [T, C, h, w] and `memory.<i>` → `frames` [4T, 3, H, W] in [0, 1] and the new `memory.<i>`. */
export function taewDecoder(weights: WeightSource, layout: TaewLayout, options: TaewOptions = {}): Graph {
  const g = new GraphBuilder('taew.decoder', weights, options);
  const latents = g.input('latents', ['T', layout.latentChannels, 'h', 'w']);
  const x = runModules(g, 'decoder', layout.decoder, latents); // [4T, 3·patch², H/patch, W/patch]
  const frames = layout.patch > 1 ? g.pixelShuffle(x, layout.patch) : x;
  g.tap('frames_unclamped', frames);
  g.output('frames', g.clamp(frames, 0, 1));
  return g.build();
}

/** `frames` [4T, 3, H, W] in [0, 1] and `memory.<i>` → `latents` [T, C, h, w] and the new `memory.<i>`. */
export function taewEncoder(weights: WeightSource, layout: TaewLayout, options: TaewOptions = {}): Graph {
  const g = new GraphBuilder('taew.encoder', weights, options);
  const scale = spatialFactor(layout);
  const frames = g.input('frames', [
    multiplyDims(temporalFactor(layout), 'T'),
    layout.imageChannels,
    multiplyDims(scale, 'h'),
    multiplyDims(scale, 'w'),
  ]);
  const x = layout.patch > 1 ? g.pixelUnshuffle(frames, layout.patch) : frames;
  g.output('latents', runModules(g, 'encoder', layout.encoder, x));
  return g.build();
}

/** Shapes of the memories of a decoder or encoder for latents of h × w: zeros of these start a clip. */
export function memoryShapes(graph: Graph, h: number, w: number): Record<string, number[]> {
  const memories = graph.inputs.filter((input) => input.name.startsWith('memory.'));
  return Object.fromEntries(memories.map(({ name, value }) => [name, evaluateShape(value.shape, { h, w })]));
}

function runModules(g: GraphBuilder, name: string, modules: readonly TaewModule[], x: Value): Value {
  let memories = 0;
  const nextMemory = () => memories++;
  for (const [index, module] of modules.entries()) {
    x = runModule(g, g.weights.at(name), index, module, x, nextMemory);
    g.tap(`${name}.${index}`, x);
  }
  return x;
}

/** Every branch on x, added up in their order. */
function sum(g: GraphBuilder, w: WeightScope, branches: readonly (readonly TaewModule[])[], x: Value, nextMemory: () => number): Value {
  return branches
    .map((branch, number) => branch.reduce((value, module, index) => runModule(g, w.at(number), index, module, value, nextMemory), x))
    .reduce((total, value) => g.add(total, value));
}

/** x [T, C, H, W] through one module. */
function runModule(g: GraphBuilder, w: WeightScope, index: number, module: TaewModule, x: Value, nextMemory: () => number): Value {
  switch (module.kind) {
    case 'soft-clamp':
      return g.scale(g.tanh(g.scale(x, 1 / 3)), 3);
    case 'relu':
      return g.relu(x);
    case 'conv':
      return w.conv2d(x, `${index}`, { stride: module.stride, bias: module.bias, padding: module.padding });
    case 'upsample':
      return module.factor === 1 ? x : g.upsampleNearest(x, module.factor);
    case 'memory-block':
      return memoryBlock(g, w.at(index, 'conv'), x, nextMemory());
    case 'grow':
      return grow(g, w.at(index), x, module.stride);
    case 'pool':
      return pool(g, w.at(index), x, module.stride);
    case 'time-to-channels':
      return timeToChannels(g, x, module.stride);
    case 'channels-to-time':
      return channelsToTime(g, x, module.stride);
    case 'pixel-shuffle':
      return g.pixelShuffle(x, module.factor);
    case 'pixel-unshuffle':
      return g.pixelUnshuffle(x, module.factor);
    case 'sum':
      return sum(g, w.at(index), module.branches, x, nextMemory);
  }
}

/** relu(conv(relu(conv(relu(conv([x, previous x]))))) + x) */
function memoryBlock(g: GraphBuilder, w: WeightScope, x: Value, memory: number): Value {
  const [, channels, height, width] = x.shape;
  const remembered = g.input(`memory.${memory}`, [1, channels!, height!, width!]);
  g.output(`memory.${memory}`, g.slice(x, 0, -1)); // the last frame, for the next run
  const pair = g.concat([x, g.shiftFrames(x, remembered)], 1); // [T, 2C, H, W]
  const y = w.conv2d(g.relu(w.conv2d(g.relu(w.conv2d(pair, '0')), '2')), '4');
  return g.relu(g.add(y, x));
}

/** TGrow: [T, C, H, W] → [stride·T, C, H, W]; the convolution's channels are frame-major. */
function grow(g: GraphBuilder, w: WeightScope, x: Value, stride: number): Value {
  const channels = x.shape[1] as number;
  let y = w.conv2d(x, 'conv', { padding: 0, bias: false });
  const stored = y.shape[1] as number;
  if (stored < stride * channels)
    throw invalidGraph(`A layer that makes ${stride} frames of ${channels} channels has only ${stored} rows.`);
  // A checkpoint that grows further in time serves here through its last rows: TAEHV patches tgrow layers that way.
  if (stored > stride * channels) y = g.slice(y, 1, -stride * channels);
  return channelsToTime(g, y, stride);
}

/** [T, stride·C, H, W] → [stride·T, C, H, W]; earlier frames have the earlier channels. */
function channelsToTime(g: GraphBuilder, x: Value, stride: number): Value {
  const [frames, channels, height, width] = x.shape as [Dim, number, Dim, Dim];
  if (channels % stride !== 0) throw invalidGraph(`${channels} channels can't become ${stride} frames.`);
  return g.reshape(x, [multiplyDims(frames, stride), channels / stride, height, width]);
}

/** TPool: [stride·T, C, H, W] → [T, C, H, W]; earlier frames take the earlier channels. */
function pool(g: GraphBuilder, w: WeightScope, x: Value, stride: number): Value {
  return w.conv2d(timeToChannels(g, x, stride), 'conv', { padding: 0, bias: false });
}

/** [stride·T, C, H, W] → [T, stride·C, H, W], earlier frame first. */
function timeToChannels(g: GraphBuilder, x: Value, stride: number): Value {
  const [frames, channels, height, width] = x.shape as [Dim, number, Dim, Dim];
  const merged = divideDims(frames, stride);
  if (merged === undefined) throw invalidGraph(`Frames of ${formatShape(x.shape)} cannot be joined by ${stride}.`);
  return g.reshape(x, [merged, stride * channels, height, width]);
}
