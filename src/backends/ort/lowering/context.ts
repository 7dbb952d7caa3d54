import { divideDims, parseDim, type Bindings } from '../../../graph/dims';
import type { Dim, Graph, Node, OpName, Shape, Value, WeightRef, WeightSource } from '../../../graph/types';
import { int, ints, OnnxBuilder } from '../onnx/builder';
import type { Choices } from './choices';
import { internalError } from '../errors';

/**
 * The forms a value may be held in. `natural` is row-major in the value's own shape; `rows` is [product of the leading
 * axes, last axis], which ONNX's Gemm takes; `sequence` is the same as a batch of one, [1, rows, last axis], which attention
 * takes; `channelsLast` is [T, H, W, C] of a [T, C, H, W], where a convolution is a
 * product of matrices.
 */
export type Form = 'natural' | 'rows' | 'sequence' | 'channelsLast';

/** A chain hands values from graph to graph by equal names; inside one ONNX model an input and an output cannot share one. */
export const inputName = (name: string) => `in:${name}`;
export const outputName = (name: string) => `out:${name}`;

const LOPSIDED: readonly OpName[] = ['gelu', 'silu', 'relu'];

export type NodeOf<Op extends OpName> = Extract<Node, { op: Op }>;

/** An input of the ONNX model that callers do not see: numbers that depend on the sizes of a run only, made before it. */
export interface Table {
  readonly name: string;
  readonly make: (bindings: Bindings) => TableData;
}

export interface TableData {
  readonly data: Int32Array | BigInt64Array;
  readonly shape: readonly number[];
}

/** Everything that lowering one graph shares: the ONNX under construction, the choices made, and every value's names. */
export class LoweringContext {
  readonly onnx: OnnxBuilder;
  readonly tables: Table[] = [];
  readonly choices: Choices;
  readonly source: WeightSource;
  readonly #forms = new Map<Value, Map<Form, string>>();
  readonly #graphInputs: Graph['inputs'];
  readonly #lopsided: ReadonlySet<Value>;
  readonly #made = new Map<string, string>();

  constructor(graph: Graph, source: WeightSource, choices: Choices) {
    this.onnx = new OnnxBuilder(graph.name);
    this.choices = choices;
    this.source = source;
    this.#graphInputs = graph.inputs;
    this.#lopsided = new Set(graph.nodes.filter(({ op }) => LOPSIDED.includes(op)).map(({ output }) => output));
    for (const { name, value } of graph.inputs)
      this.set(value, 'natural', this.onnx.input(inputName(name), value.type === 'f32' ? 'FLOAT' : 'INT32', value.shape));
  }

  /** Whether a value's elements are mostly on one side of zero, because of the op that makes it. */
  isLopsided(value: Value): boolean {
    return this.#lopsided.has(value);
  }

  /** Records that `name` holds `value` in `form`. */
  set(value: Value, form: Form, name: string): void {
    const forms = this.#forms.get(value) ?? new Map<Form, string>();
    forms.set(form, name);
    const same: Form | undefined =
      value.shape.length === 2 ? 'rows' : value.shape.length === 3 && value.shape[0] === 1 ? 'sequence' : undefined;
    if (form === 'natural' && same) forms.set(same, name);
    if (form === same) forms.set('natural', name);
    this.#forms.set(value, forms);
  }

  has(value: Value, form: Form): boolean {
    return this.#forms.get(value)?.has(form) ?? false;
  }

  /** The first of `preferred` that the value is already held in, else the first one of all. */
  formOf(value: Value, ...preferred: readonly [Form, ...Form[]]): Form {
    return preferred.find((form) => this.has(value, form)) ?? preferred[0];
  }

  /** The value's name in `form`, converting it at most once. */
  get(value: Value, form: Form = 'natural'): string {
    const forms = this.#forms.get(value);
    if (!forms) throw internalError('A graph uses a value before it is made.');
    const held = forms.get(form);
    if (held !== undefined) return held;
    const name = this.#convert(value, forms, form);
    this.set(value, form, name);
    return name;
  }

  #convert(value: Value, forms: ReadonlyMap<Form, string>, form: Form): string {
    const { shape } = value;
    const held = forms.get('rows') ?? forms.get('sequence') ?? forms.get('natural');
    switch (form) {
      case 'natural': {
        const channelsLast = forms.get('channelsLast');
        return channelsLast === undefined ? this.reshape(held!, shape) : this.transpose(channelsLast, [0, 3, 1, 2]);
      }
      case 'rows':
        return this.reshapeTo(held ?? this.get(value), [-1, shape.at(-1) as number]);
      case 'sequence':
        return this.reshapeTo(held ?? this.get(value), [1, -1, shape.at(-1) as number]);
      case 'channelsLast':
        return this.transpose(this.get(value), [0, 2, 3, 1]);
    }
  }

  /** What `make` emits, at most once in a graph for all that ask for the same `what`. */
  once(what: string, make: () => string): string {
    const name = this.#made.get(what) ?? make();
    this.#made.set(what, name);
    return name;
  }

  /** A table by its key, which says all that it depends on. */
  table(key: string, type: 'INT32' | 'INT64', rank: number, make: Table['make']): string {
    return this.once(`the table ${key}`, () => {
      const name = `table:${key}`;
      this.tables.push({ name, make });
      const dims = Array.from({ length: rank }, (_, axis) => `${name}.${axis}`);
      return this.onnx.input(name, type, dims);
    });
  }

  transpose(name: string, permutation: readonly number[]): string {
    return this.onnx.node('Transpose', [name], { attributes: [ints('perm', permutation)] });
  }

  /** Reshape to numbers, of which one may be −1 and any may be 0 (as it is). */
  reshapeTo(name: string, dims: readonly number[]): string {
    return this.onnx.node('Reshape', [name, this.onnx.int64s(dims)]);
  }

  /** Reshape to a shape with symbols. */
  reshape(name: string, shape: Shape): string {
    return this.onnx.node('Reshape', [name, this.shape(shape)]);
  }

  /** A shape as an int64 tensor: a constant where at most one dimension is symbolic, else computed from the inputs' shapes. */
  shape(shape: Shape): string {
    if (shape.filter((dim) => typeof dim === 'string').length <= 1)
      return this.onnx.int64s(shape.map((dim) => (typeof dim === 'number' ? dim : -1)));
    return this.once(`the shape ${shape.join(',')}`, () =>
      this.onnx.node(
        'Concat',
        shape.map((dim) => this.dim(dim)),
        { attributes: [int('axis', 0)] },
      ),
    );
  }

  /** A dimension as an int64 tensor of one element. */
  dim(dim: Dim): string {
    if (typeof dim === 'number') return this.onnx.int64s([dim]);
    return this.once(`the dimension ${dim}`, () => this.#measure(dim) ?? this.#multiply(dim));
  }

  /** Reads a dimension off an input that has it, or a multiple of it, on some axis. */
  #measure(dim: Dim): string | undefined {
    let best: { name: string; axis: number; factor: number } | undefined;
    for (const { name, value } of this.#graphInputs)
      value.shape.forEach((actual, axis) => {
        const factor = typeof actual === 'string' ? divideDims(actual, dim) : undefined;
        if (typeof factor === 'number' && (!best || factor < best.factor)) best = { name: inputName(name), axis, factor };
      });
    if (!best) return undefined;
    const size = this.onnx.node('Shape', [best.name], { attributes: [int('start', best.axis), int('end', best.axis + 1)] });
    return best.factor === 1 ? size : this.onnx.node('Div', [size, this.onnx.int64s([best.factor])]);
  }

  #multiply(dim: Dim): string {
    const { coefficient, symbols } = parseDim(dim);
    if (symbols.length <= 1 && coefficient === 1)
      throw internalError(`The size of the dimension ${dim} cannot be told from a graph's inputs.`);
    return [...(coefficient === 1 ? [] : [coefficient]), ...symbols]
      .map((factor) => this.dim(factor))
      .reduce((a, b) => this.onnx.node('Mul', [a, b]));
  }

  /** A weight as an f32 initializer in the shape that the graph reads it in. */
  weight(ref: WeightRef): string {
    return this.onnx.weight(ref.name, `[${ref.shape.join(',')}]`, 'FLOAT', ref.shape, async () =>
      asBytes(await this.source.readF32(ref.name)),
    );
  }

  /** A weight rearranged by `pack`, under a name that says how. */
  packedWeight(ref: WeightRef, packing: string, dims: readonly number[], pack: (weight: Float32Array) => Float32Array): string {
    return this.onnx.weight(ref.name, packing, 'FLOAT', dims, async () => asBytes(pack(await this.source.readF32(ref.name))));
  }

  /** `parts` initializers made of one weight in one pass: the weight is read when the first is asked for, and forgotten after the last. */
  derived<T>(ref: WeightRef, parts: number, derive: (weight: Float32Array) => T): () => Promise<T> {
    return shared(parts, async () => derive(await this.source.readF32(ref.name)));
  }

  /** As `derived`, of the stored bytes. */
  repacked<T>(ref: WeightRef, parts: number, repack: (bytes: Uint8Array) => T): () => Promise<T> {
    return shared(parts, async () => repack(await this.source.read(ref.name)));
  }
}

function shared<T>(parts: number, make: () => Promise<T>): () => Promise<T> {
  let held: Promise<T> | undefined;
  let given = 0;
  return () => {
    const made = (held ??= make());
    if (++given % parts === 0) held = undefined;
    return made;
  };
}

export function asBytes(data: Float32Array | Int8Array | Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
