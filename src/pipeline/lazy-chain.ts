import type { InputShape } from '../graph/bindings';
import { planChain, type ChainMemory } from '../graph/chain-memory';
import { compileChain, type ChainOptions, type CompiledChain } from '../graph/chain';
import type { CompileOptions, Executor } from '../graph/executor';
import type { Graph, WeightSource } from '../graph/types';
import { graphWeightBytes } from '../graph/weights';

/** A network that is compiled when it is first needed, once, and again after a failure. */
export class LazyChain {
  readonly graphs: readonly Graph[];
  /** Bytes of weights that compiling reads; 0 where segments are loaded as they run. */
  readonly loadBytes: number;
  readonly resident: boolean;
  readonly #executor: Executor;
  readonly #compile: (options: CompileOptions) => Promise<CompiledChain>;
  #compiled: Promise<CompiledChain> | undefined;

  constructor(executor: Executor, graphs: readonly Graph[], weights: WeightSource, chain: Pick<ChainOptions, 'resident'> = {}) {
    this.graphs = graphs;
    this.#executor = executor;
    this.resident = chain.resident !== false;
    this.loadBytes = chain.resident === false ? 0 : graphs.reduce((sum, graph) => sum + graphWeightBytes(graph, weights), 0);
    this.#compile = (options) => compileChain(executor, graphs, weights, { ...chain, ...options });
  }

  /** What running it on inputs of these shapes will take on a GPU; null where that is not known. Nothing is allocated. */
  planMemory(inputs: Readonly<Record<string, InputShape>>): ChainMemory | null {
    return planChain(this.#executor, this.graphs, inputs, { resident: this.resident });
  }

  async get(options: CompileOptions = {}): Promise<CompiledChain> {
    this.#compiled ??= this.#compile(options);
    try {
      return await this.#compiled;
    } catch (error) {
      this.#compiled = undefined;
      throw error;
    }
  }

  async dispose(): Promise<void> {
    const compiled = this.#compiled;
    this.#compiled = undefined;
    // A compilation that failed has released what it made.
    await compiled?.then(
      (chain) => chain.dispose(),
      () => undefined,
    );
  }
}
