import { GraphBuilder } from '../../../src/graph/builder';
import type { HostTensor } from '../../../src/graph/host-tensor';
import type { Graph, OpName, Value, WeightInfo, WeightSource } from '../../../src/graph/types';

/** One op on one set of shapes, with inputs and weights of its own. */
export interface OpCase {
  readonly op: OpName;
  readonly name: string;
  readonly graph: Graph;
  readonly weights: WeightSource;
  readonly inputs: Readonly<Record<string, HostTensor>>;
}

/** Numbers between −1 and 1 that depend on the seed only (xorshift32). */
export function randomFloats(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0 || 1;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 31 - 1;
  });
}

const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/** Random f32 weights of given shapes. */
export function randomWeights(shapes: Readonly<Record<string, readonly number[]>>, seed: number): WeightSource {
  const data = new Map(
    Object.entries(shapes).map(([name, shape], index) => [name, { shape, values: randomFloats(size(shape), seed + index + 1) }]),
  );
  const find = (name: string) => {
    const weight = data.get(name);
    if (!weight) throw new Error(`no weight ${name}`);
    return weight;
  };
  return {
    has: (name) => data.has(name),
    info: (name): WeightInfo => ({ name, shape: find(name).shape, type: 'F32', sizeBytes: size(find(name).shape) * 4 }),
    read: async (name) => new Uint8Array(find(name).values.slice().buffer),
    readF32: async (name) => find(name).values.slice(),
  };
}

type Inputs = Readonly<Record<string, readonly number[]>>;

/** Builds a case whose dimensions are symbols where `dims` names one: `{ x: ['N', 8] }` with sizes `{ x: [5, 8] }`. */
function opCase(
  op: OpName,
  label: string,
  sizes: Inputs,
  dims: Readonly<Record<string, readonly (number | string)[]>>,
  weightShapes: Inputs,
  write: (g: GraphBuilder, values: Readonly<Record<string, Value>>) => Value,
  scaleOf: (name: string) => number = () => 1,
): OpCase {
  const seed = label.length + size(Object.values(sizes).flat()) + op.length * 7;
  const weights = randomWeights(weightShapes, seed + 100);
  const g = new GraphBuilder(op, weights);
  const values = Object.fromEntries(Object.entries(dims).map(([name, shape]) => [name, g.input(name, shape)]));
  g.output('y', write(g, values));
  const inputs = Object.entries(sizes).map(([name, shape], index): [string, HostTensor] => [
    name,
    { shape, type: 'f32', data: randomFloats(size(shape), seed + index).map((value) => value * scaleOf(name)) },
  ]);
  return { op, name: `${op} ${label}`, graph: g.build(), weights, inputs: Object.fromEntries(inputs) };
}

function tokenCases(tokens: number, width: number): OpCase[] {
  const label = `[${tokens}, ${width}]`;
  const x = { x: [tokens, width] };
  const dims = { x: ['N', width] };
  const unary = (op: OpName, write: (g: GraphBuilder, x: Value) => Value) =>
    opCase(
      op,
      label,
      x,
      dims,
      {},
      (g, v) => write(g, v.x!),
      () => 4,
    );
  return [
    unary('gelu', (g, v) => g.gelu(v, 'none')),
    unary('gelu', (g, v) => g.gelu(v, 'tanh')),
    unary('silu', (g, v) => g.silu(v)),
    unary('relu', (g, v) => g.relu(v)),
    unary('tanh', (g, v) => g.tanh(v)),
    unary('clamp', (g, v) => g.clamp(v, -0.5, 1.25)),
    unary('scale', (g, v) => g.scale(v, 1 / 3)),
    unary('transpose', (g, v) => g.transpose(v, [1, 0])),
    unary('layerNorm', (g, v) => g.layerNorm(v, 1e-6)),
    opCase('layerNorm', `${label} with parameters`, x, dims, { 'n.weight': [width], 'n.bias': [width] }, (g, v) =>
      g.weights.layerNorm(v.x!, 'n', 1e-5),
    ),
    opCase('rmsNorm', label, x, dims, { 'n.weight': [width] }, (g, v) => g.weights.rmsNorm(v.x!, 'n', 1e-6)),
    opCase('linear', label, x, dims, { 'l.weight': [13, width], 'l.bias': [13] }, (g, v) => g.weights.linear(v.x!, 'l')),
    opCase('linear', `${label} without bias`, x, dims, { 'l.weight': [32, width] }, (g, v) => g.weights.linear(v.x!, 'l', { bias: false })),
    opCase('add', label, { ...x, y: [tokens, width] }, { ...dims, y: ['N', width] }, {}, (g, v) => g.add(v.x!, v.y!)),
    opCase('mul', `${label} by a row`, { ...x, y: [1, width] }, { ...dims, y: [1, width] }, {}, (g, v) => g.mul(v.x!, v.y!)),
    opCase('weight', label, x, dims, { w: [width] }, (g, v) => g.add(v.x!, g.weights.weight('w'))),
    opCase('concat', `${label} on the last axis`, { ...x, y: [tokens, 3] }, { ...dims, y: ['N', 3] }, {}, (g, v) =>
      g.concat([v.x!, v.y!, v.x!], 1),
    ),
    opCase('slice', `${label} on the last axis`, x, dims, {}, (g, v) => g.slice(v.x!, 1, -1)),
    opCase('slice', `${label} of rows`, x, dims, {}, (g, v) => g.slice(v.x!, 0, -1)),
  ];
}

/** [F, S, D] values: a modulation per frame, attention over all frames, heads and rotations. */
function frameCases(frames: number, perFrame: number, heads: number, dim: number): OpCase[] {
  const width = heads * dim;
  const label = `[${frames}, ${perFrame}, ${heads} · ${dim}]`;
  const x = { x: [frames, perFrame, width] };
  const dims = { x: ['F', 'S', width] };
  const cases: OpCase[] = [];
  for (const vectors of new Set([1, frames])) {
    const symbol = vectors === 1 ? 1 : 'F';
    const vector = [vectors, 1, width];
    cases.push(
      opCase(
        'modulate',
        `${label} by ${vectors}`,
        { ...x, shift: vector, scale: vector },
        { ...dims, shift: [symbol, 1, width], scale: [symbol, 1, width] },
        {},
        (g, v) => g.modulate(v.x!, v.shift!, v.scale!),
      ),
      opCase(
        'modulate',
        `${label} by ${vectors} after a norm`,
        { ...x, shift: vector, scale: vector },
        { ...dims, shift: [symbol, 1, width], scale: [symbol, 1, width] },
        {},
        (g, v) => g.modulate(g.layerNorm(v.x!, 1e-6), v.shift!, v.scale!),
      ),
      opCase(
        'gatedAdd',
        `${label} by ${vectors}`,
        { ...x, y: x.x, gate: vector },
        { ...dims, y: dims.x, gate: [symbol, 1, width] },
        {},
        (g, v) => g.gatedAdd(v.x!, v.y!, v.gate!),
      ),
    );
  }
  const tables = [frames, perFrame, dim / 2];
  const tableDims = ['F', 'S', dim / 2];
  cases.push(
    opCase('rope', label, { ...x, cos: tables, sin: tables }, { ...dims, cos: tableDims, sin: tableDims }, {}, (g, v) =>
      g.rope(v.x!, v.cos!, v.sin!, heads),
    ),
    opCase('attention', label, { ...x, k: x.x, v: x.x }, { ...dims, k: dims.x, v: dims.x }, {}, (g, v) =>
      g.attention(v.x!, v.k!, v.v!, { heads, scale: dim ** -0.5 }),
    ),
    opCase(
      'attention',
      `${label} on others`,
      { ...x, k: [7, width], v: [7, width] },
      { ...dims, k: ['L', width], v: ['L', width] },
      {},
      (g, v) => g.attention(v.x!, v.k!, v.v!, { heads, scale: dim ** -0.5 }),
    ),
    opCase('linear', label, x, dims, { 'l.weight': [17, width], 'l.bias': [17] }, (g, v) => g.weights.linear(v.x!, 'l')),
    opCase('reshape', `${label} of a linear layer`, x, dims, { 'l.weight': [24, width], 'l.bias': [24] }, (g, v) =>
      g.reshape(g.weights.linear(v.x!, 'l'), ['F', 'S', 4, 6]),
    ),
    opCase('transpose', label, x, dims, {}, (g, v) => g.transpose(v.x!, [2, 0, 1])),
  );
  return cases;
}

function biasedAttention(tokens: number, heads: number, dim: number): OpCase {
  const width = heads * dim;
  const qkv = { q: [tokens, width], k: [tokens, width], v: [tokens, width] };
  const dims = { q: ['N', width], k: ['N', width], v: ['N', width] };
  return opCase(
    'attention',
    `with bias [${tokens}, ${heads} · ${dim}]`,
    { ...qkv, bias: [heads, tokens, tokens] },
    { ...dims, bias: [heads, 'N', 'N'] },
    {},
    (g, v) => g.attention(v.q!, v.k!, v.v!, { heads, scale: 1 }, v.bias!),
  );
}

/** [T, C, H, W] values. */
function imageCases(frames: number, channels: number, height: number, width: number): OpCase[] {
  const label = `[${frames}, ${channels}, ${height}, ${width}]`;
  const x = { x: [frames, channels, height, width] };
  const dims = { x: ['T', channels, 'h', 'w'] };
  const outputs = channels >= 32 ? channels + 3 : 5;
  const conv = (name: string, kernel: number, options: { stride?: number; padding?: number; bias?: boolean }, fixed = false) =>
    opCase(
      'conv2d',
      `${label} ${name}`,
      x,
      fixed ? { x: [...x.x] } : dims,
      { 'c.weight': [outputs, channels, kernel, kernel], ...(options.bias === false ? {} : { 'c.bias': [outputs] }) },
      (g, v) => g.weights.conv2d(v.x!, 'c', options),
    );
  const memory = [1, channels, height, width];
  const cases = [
    conv('3 × 3', 3, {}),
    conv('3 × 3, fixed sizes', 3, { bias: false }, true),
    conv('1 × 1', 1, { padding: 0 }),
    opCase(
      'conv2d',
      `${label} twice, with a residual`,
      x,
      dims,
      { 'a.weight': [channels, channels, 3, 3], 'a.bias': [channels], 'b.weight': [channels, channels, 3, 3], 'b.bias': [channels] },
      (g, v) => g.relu(g.add(g.weights.conv2d(g.relu(g.weights.conv2d(v.x!, 'a')), 'b'), v.x!)),
    ),
    opCase('shiftFrames', label, { ...x, memory }, { ...dims, memory: [1, channels, 'h', 'w'] }, {}, (g, v) =>
      g.shiftFrames(v.x!, v.memory!),
    ),
    opCase(
      'concat',
      `${label} with earlier frames, convolved`,
      { ...x, memory },
      { ...dims, memory: [1, channels, 'h', 'w'] },
      { 'c.weight': [outputs, 2 * channels, 3, 3], 'c.bias': [outputs] },
      (g, v) => g.weights.conv2d(g.concat([v.x!, g.shiftFrames(v.x!, v.memory!)], 1), 'c'),
    ),
    opCase('upsampleNearest', label, x, dims, {}, (g, v) => g.upsampleNearest(v.x!, 2)),
    opCase('upsampleNearest', `${label} of a convolution`, x, dims, { 'c.weight': [6, channels, 3, 3], 'c.bias': [6] }, (g, v) =>
      g.upsampleNearest(g.weights.conv2d(v.x!, 'c'), 3),
    ),
    opCase('reshape', `${label} of channels into frames`, x, dims, { 'c.weight': [2 * channels, channels, 1, 1] }, (g, v) =>
      g.reshape(g.weights.conv2d(v.x!, 'c', { padding: 0, bias: false }), ['2*T', channels, 'h', 'w']),
    ),
    opCase('slice', `${label} the last frame of a convolution`, x, dims, { 'c.weight': [6, channels, 3, 3], 'c.bias': [6] }, (g, v) =>
      g.slice(g.weights.conv2d(v.x!, 'c'), 0, -1),
    ),
    opCase('slice', `${label} the last channels of a convolution`, x, dims, { 'c.weight': [6, channels, 1, 1] }, (g, v) =>
      g.slice(g.weights.conv2d(v.x!, 'c', { padding: 0, bias: false }), 1, -4),
    ),
    opCase('pixelShuffle', `${label} of a convolution`, x, dims, { 'c.weight': [12, channels, 3, 3], 'c.bias': [12] }, (g, v) =>
      g.pixelShuffle(g.weights.conv2d(v.x!, 'c'), 2),
    ),
  ];
  if (height % 2 === 1 && width % 2 === 1 && height > 1 && width > 1)
    cases.push(conv('3 × 3, stride 2, fixed sizes', 3, { stride: 2 }, true));
  return cases;
}

function patchCases(frames: number, rows: number, columns: number, patch: number): OpCase[] {
  const label = `${frames} × ${rows} × ${columns} by ${patch}`;
  const even = { x: [4, frames, rows * patch, columns * patch] };
  const evenDims = { x: [4, 'T', `${patch}*h`, `${patch}*w`] };
  const image = { x: [frames, 3, rows * patch, columns * patch] };
  const imageDims = { x: ['T', 3, `${patch}*h`, `${patch}*w`] };
  return [
    opCase('patchify', label, even, evenDims, {}, (g, v) => g.patchify(v.x!, { patch, merged: false })),
    opCase('patchify', `${label}, merged`, even, evenDims, {}, (g, v) => g.patchify(v.x!, { patch, merged: true })),
    opCase('unpatchify', label, even, evenDims, {}, (g, v) => g.unpatchify(g.patchify(v.x!, { patch, merged: false }), v.x!, patch)),
    opCase(
      'unpatchify',
      `${label}, merged`,
      even,
      evenDims,
      { 'l.weight': [8 * patch ** 2, 4 * patch ** 2], 'l.bias': [8 * patch ** 2] },
      (g, v) => g.unpatchify(g.weights.linear(g.patchify(v.x!, { patch, merged: true }), 'l'), v.x!, patch),
    ),
    opCase('pixelUnshuffle', label, image, imageDims, {}, (g, v) => g.pixelUnshuffle(v.x!, patch)),
    opCase(
      'pixelUnshuffle',
      `${label}, convolved, stride 2`,
      { x: [frames, 3, rows * 2 * patch, columns * 2 * patch] },
      { x: ['T', 3, `${2 * patch}*h`, `${2 * patch}*w`] },
      { 'c.weight': [5, 3 * patch ** 2, 3, 3] },
      (g, v) => g.weights.conv2d(g.pixelUnshuffle(v.x!, patch), 'c', { stride: 2, bias: false }),
    ),
    opCase(
      'reshape',
      `${label}, frames into channels, convolved`,
      { x: [2 * frames, 3, rows, columns] },
      { x: ['2*T', 3, 'h', 'w'] },
      { 'a.weight': [6, 3, 3, 3], 'a.bias': [6], 'c.weight': [7, 12, 1, 1] },
      (g, v) => g.weights.conv2d(g.reshape(g.weights.conv2d(v.x!, 'a'), ['T', 12, 'h', 'w']), 'c', { padding: 0, bias: false }),
    ),
    opCase('pixelShuffle', label, { x: [frames, 2 * patch ** 2, rows, columns] }, { x: ['T', 2 * patch ** 2, 'h', 'w'] }, {}, (g, v) =>
      g.pixelShuffle(v.x!, patch),
    ),
  ];
}

function embeddingCase(count: number): OpCase {
  const weights = randomWeights({ 'table.weight': [11, 5] }, 3);
  const g = new GraphBuilder('embedding', weights);
  g.output('y', g.weights.embedding(g.input('ids', ['N'], 'i32'), 'table'));
  const ids = Int32Array.from({ length: count }, (_, i) => (i * 7) % 11);
  return {
    op: 'embedding',
    name: `embedding of ${count}`,
    graph: g.build(),
    weights,
    inputs: { ids: { shape: [count], type: 'i32', data: ids } },
  };
}

/** Every op, on ragged sizes: one, primes, and sizes around the kernels' blocks. */
export function opCases(): OpCase[] {
  return [
    ...[
      [1, 1],
      [2, 3],
      [7, 8],
      [5, 64],
      [31, 67],
      [64, 128],
    ].flatMap(([tokens, width]) => tokenCases(tokens!, width!)),
    ...[
      [1, 1, 1, 2],
      [1, 37, 3, 8],
      [3, 5, 2, 24],
      [2, 33, 4, 16],
      [5, 16, 1, 64],
    ].flatMap(([frames, perFrame, heads, dim]) => frameCases(frames!, perFrame!, heads!, dim!)),
    ...[
      [1, 1, 2],
      [13, 3, 16],
      [41, 2, 8],
    ].map(([tokens, heads, dim]) => biasedAttention(tokens!, heads!, dim!)),
    ...[
      [1, 1, 1, 1],
      [1, 3, 5, 7],
      [2, 8, 4, 4],
      [3, 32, 8, 8],
      [2, 37, 5, 11],
      [1, 64, 1, 3],
      [1, 33, 9, 2],
    ].flatMap(([frames, channels, height, width]) => imageCases(frames!, channels!, height!, width!)),
    ...[
      [1, 1, 1, 2],
      [3, 2, 5, 2],
      [2, 3, 1, 4],
    ].flatMap(([frames, rows, columns, patch]) => patchCases(frames!, rows!, columns!, patch!)),
    ...[1, 17].map(embeddingCase),
  ];
}
