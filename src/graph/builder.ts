import { canonicalDim, formatShape } from './dims';
import { invalidGraph } from './errors';
import { OPS } from './ops';
import { TO_END } from './ops/slice';
import type { OpDefinition } from './ops/definition';
import type { ElementType, Graph, GraphInput, Node, OpAttributes, OpName, Shape, Value, WeightRef, WeightSource } from './types';
import { WeightScope } from './weight-scope';

export interface BuilderOptions {
  /** Whether `tap`s become outputs. */
  readonly taps?: boolean;
}

/**
 * Writes a graph: every method adds the op of its name, checks shapes at once, and returns the result.
 * Ops with weights are on `weights`, a `WeightScope`. Formulas are in ops/<op>.ts. All methods throw
 * `invalid-graph` where shapes or weights do not fit.
 */
export class GraphBuilder {
  /** The scope of all weights; `weights.at('blocks', 0)` narrows it. */
  readonly weights: WeightScope;
  readonly #name: string;
  readonly #taps: boolean;
  readonly #inputs: GraphInput[] = [];
  readonly #outputs: GraphInput[] = [];
  readonly #nodes: Node[] = [];
  readonly #values = new Set<Value>();

  constructor(name: string, source: WeightSource, options: BuilderOptions = {}) {
    this.#name = name;
    this.#taps = options.taps ?? false;
    this.weights = new WeightScope(this, source, '');
  }

  /** Declares an input. Symbols in its shape are found from the actual inputs of a run. */
  input(name: string, shape: Shape, type: ElementType = 'f32'): Value {
    if (this.#inputs.some((input) => input.name === name)) throw this.#error(`has two inputs named ${name}`);
    const value = this.#value(shape.map(canonicalDim), type);
    this.#inputs.push({ name, value });
    return value;
  }

  /** Names a result. Every output is the result of a node of its own: a value that is already an output, or an input, is copied. */
  output(name: string, value: Value): void {
    if (this.#outputs.some((output) => output.name === name)) throw this.#error(`has two outputs named ${name}`);
    const taken = this.#inputs.some((input) => input.value === value) || this.#outputs.some((output) => output.value === value);
    this.#outputs.push({ name, value: taken ? this.reshape(value, value.shape) : value });
  }

  /** Names an intermediate result; it becomes an output when the builder was asked for taps. */
  tap(name: string, value: Value): void {
    if (this.#taps) this.output(name, value);
  }

  modulate(x: Value, shift: Value, scale: Value): Value {
    return this.apply('modulate', [x, shift, scale], {}, {});
  }

  gatedAdd(x: Value, y: Value, gate: Value): Value {
    return this.apply('gatedAdd', [x, y, gate], {}, {});
  }

  /** Layer norm without parameters; with them, `weights.layerNorm`. */
  layerNorm(x: Value, eps: number): Value {
    return this.apply('layerNorm', [x], {}, { eps });
  }

  add(a: Value, b: Value): Value {
    return this.apply('add', [a, b], {}, {});
  }

  mul(a: Value, b: Value): Value {
    return this.apply('mul', [a, b], {}, {});
  }

  scale(x: Value, factor: number): Value {
    return this.apply('scale', [x], {}, { factor });
  }

  gelu(x: Value, approximate: 'none' | 'tanh'): Value {
    return this.apply('gelu', [x], {}, { approximate });
  }

  silu(x: Value): Value {
    return this.apply('silu', [x], {}, {});
  }

  relu(x: Value): Value {
    return this.apply('relu', [x], {}, {});
  }

  tanh(x: Value): Value {
    return this.apply('tanh', [x], {}, {});
  }

  clamp(x: Value, min: number, max: number): Value {
    return this.apply('clamp', [x], {}, { min, max });
  }

  rope(x: Value, cos: Value, sin: Value, heads: number): Value {
    return this.apply('rope', [x, cos, sin], {}, { heads });
  }

  attention(q: Value, k: Value, v: Value, attributes: OpAttributes['attention'], bias?: Value): Value {
    return this.apply('attention', bias ? [q, k, v, bias] : [q, k, v], {}, attributes);
  }

  upsampleNearest(x: Value, factor: number): Value {
    return this.apply('upsampleNearest', [x], {}, { factor });
  }

  pixelShuffle(x: Value, factor: number): Value {
    return this.apply('pixelShuffle', [x], {}, { factor });
  }

  pixelUnshuffle(x: Value, factor: number): Value {
    return this.apply('pixelUnshuffle', [x], {}, { factor });
  }

  shiftFrames(x: Value, memory: Value): Value {
    return this.apply('shiftFrames', [x, memory], {}, {});
  }

  patchify(latents: Value, attributes: OpAttributes['patchify']): Value {
    return this.apply('patchify', [latents], {}, attributes);
  }

  unpatchify(tokens: Value, like: Value, patch: number): Value {
    return this.apply('unpatchify', [tokens, like], {}, { patch });
  }

  concat(values: readonly Value[], axis: number): Value {
    return this.apply('concat', values, {}, { axis });
  }

  /** x[start:end] on `axis`; without `end`, to the end. */
  slice(x: Value, axis: number, start: number, end: number = TO_END): Value {
    return this.apply('slice', [x], {}, { axis, start, end });
  }

  /** `parts` equal slices on `axis`. */
  chunk(x: Value, axis: number, parts: number): Value[] {
    const size = x.shape[axis];
    if (typeof size !== 'number' || size % parts !== 0)
      throw this.#error(`cannot cut axis ${axis} of ${formatShape(x.shape)} into ${parts}`);
    const step = size / parts;
    return Array.from({ length: parts }, (_, part) => this.slice(x, axis, part * step, (part + 1) * step));
  }

  reshape(x: Value, shape: Shape): Value {
    return this.apply('reshape', [x], {}, { shape: shape.map(canonicalDim) });
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    return this.apply('transpose', [x], {}, { permutation });
  }

  /** Adds any op; the methods above are its typed forms. */
  apply<Op extends OpName>(
    op: Op,
    inputs: readonly Value[],
    weights: Readonly<Record<string, WeightRef>>,
    attributes: OpAttributes[Op],
  ): Value {
    if (inputs.some((value) => !this.#values.has(value))) throw this.#error(`uses a value of another graph as an input of ${op}`);
    const definition: OpDefinition<Op> = OPS[op];
    const shapes = Object.fromEntries(Object.entries(weights).map(([name, ref]) => [name, ref.shape]));
    const { shape, type } = definition.infer({ inputs, weights: shapes, attributes });
    const output = this.#value(shape, type);
    this.#nodes.push({ op, attributes, inputs, weights, output } as Node);
    return output;
  }

  /** The finished graph, without the nodes that no output needs. */
  build(): Graph {
    if (this.#outputs.length === 0) throw this.#error('has no outputs');
    const needed = new Set(this.#outputs.map((output) => output.value));
    const nodes = this.#nodes
      .toReversed()
      .filter((node) => {
        if (!needed.has(node.output)) return false;
        node.inputs.forEach((value) => needed.add(value));
        return true;
      })
      .toReversed();
    const unused = this.#inputs.find((input) => !needed.has(input.value));
    if (unused) throw this.#error(`does not use its input ${unused.name}`);
    return { name: this.#name, inputs: this.#inputs, outputs: this.#outputs, nodes };
  }

  #value(shape: Shape, type: ElementType): Value {
    const value: Value = { id: this.#values.size, shape, type };
    this.#values.add(value);
    return value;
  }

  #error(what: string) {
    return invalidGraph(`The graph ${this.#name} ${what}.`, 'This is a defect in Kinora; please report it.');
  }
}
