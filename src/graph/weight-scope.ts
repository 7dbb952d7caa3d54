import { KinoraError } from '../errors';
import type { GraphBuilder } from './builder';
import { elementCount, formatShape } from './dims';
import { invalidGraph } from './errors';
import type { Value, WeightInfo, WeightRef, WeightSource } from './types';

/**
 * Weights under a name prefix, and the ops that take them: `g.weights.at('blocks', 0).linear(x, 'ffn.net.2')`
 * uses `blocks.0.ffn.net.2.weight` and `.bias`. A bias is there unless `bias: false` says that the network has none.
 */
export class WeightScope {
  readonly #builder: GraphBuilder;
  readonly #source: WeightSource;
  readonly #prefix: string;

  constructor(builder: GraphBuilder, source: WeightSource, prefix: string) {
    this.#builder = builder;
    this.#source = source;
    this.#prefix = prefix;
  }

  /** The scope below: `at('blocks', 3, 'attn1')` is `blocks.3.attn1.` */
  at(...parts: readonly (string | number)[]): WeightScope {
    return new WeightScope(this.#builder, this.#source, this.#prefix + parts.map((part) => `${part}.`).join(''));
  }

  has(name: string): boolean {
    return this.#source.has(this.#prefix + name);
  }

  info(name: string): WeightInfo {
    return this.#source.info(this.#prefix + name);
  }

  /** A reference to a weight. Another `shape` reads the same elements in it: a patch embedding [D, C, 1, p, p] as [D, C·p²]. */
  ref(name: string, shape?: readonly number[]): WeightRef {
    const info = this.info(name);
    if (shape && elementCount(shape) !== elementCount(info.shape))
      throw invalidGraph(
        `The weight ${info.name} has the shape ${formatShape(info.shape)}, which cannot be read as ${formatShape(shape)}.`,
      );
    return { name: info.name, shape: shape ?? info.shape, type: info.type };
  }

  /** The weight as a value of its own shape, or of another with as many elements. */
  weight(name: string, shape?: readonly number[]): Value {
    return this.#builder.apply('weight', [], { weight: this.ref(name, shape) }, {});
  }

  /** `flatten`: a convolution over whole patches [O, …] taken as a linear layer [O, product of the rest]. */
  linear(x: Value, name: string, { bias = true, flatten = false }: { bias?: boolean; flatten?: boolean } = {}): Value {
    const stored = this.info(`${name}.weight`).shape;
    const rows = stored[0] ?? 1;
    const shape = flatten ? [rows, elementCount(stored) / rows] : undefined;
    return this.#explain(name, () =>
      this.#builder.apply('linear', [x], { weight: this.ref(`${name}.weight`, shape), ...this.#bias(name, bias) }, {}),
    );
  }

  embedding(ids: Value, name: string): Value {
    return this.#explain(name, () => this.#builder.apply('embedding', [ids], { table: this.ref(`${name}.weight`) }, {}));
  }

  layerNorm(x: Value, name: string, eps: number): Value {
    return this.#explain(name, () =>
      this.#builder.apply('layerNorm', [x], { weight: this.ref(`${name}.weight`), bias: this.ref(`${name}.bias`) }, { eps }),
    );
  }

  rmsNorm(x: Value, name: string, eps: number): Value {
    return this.#explain(name, () => this.#builder.apply('rmsNorm', [x], { weight: this.ref(`${name}.weight`) }, { eps }));
  }

  conv2d(
    x: Value,
    name: string,
    { stride = 1, padding = 1, bias = true }: { stride?: number; padding?: number; bias?: boolean } = {},
  ): Value {
    return this.#explain(name, () =>
      this.#builder.apply('conv2d', [x], { weight: this.ref(`${name}.weight`), ...this.#bias(name, bias) }, { stride, padding }),
    );
  }

  #bias(name: string, wanted: boolean): { bias?: WeightRef } {
    return wanted ? { bias: this.ref(`${name}.bias`) } : {};
  }

  /** Runs shape inference so that its complaint names the layer. */
  #explain(name: string, add: () => Value): Value {
    try {
      return add();
    } catch (error) {
      if (error instanceof KinoraError && error.code === 'invalid-graph')
        throw invalidGraph(`${this.#prefix}${name}: ${error.message}`, error.hint);
      throw error;
    }
  }
}
