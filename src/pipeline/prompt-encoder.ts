import { KinoraError, throwIfAborted } from '../errors';
import type { InputShape } from '../graph/bindings';
import { tensorBytes, withTensors, type ChainMemory } from '../graph/chain-memory';
import type { DeviceTensor, Executor } from '../graph/executor';
import { miniLm, miniLmInputs, parseMiniLmConfig, sentenceEmbedding } from '../networks/minilm';
import { parseUmt5Config, umt5, umt5Inputs } from '../networks/umt5';
import { cleanPrompt } from '../tokenizers/clean-prompt';
import { fitPrompt } from '../tokenizers/fit-prompt';
import type { Tokenizer } from '../tokenizers/types';
import { createUnigramFromGguf } from '../tokenizers/unigram-gguf';
import { createUnigramFromJson } from '../tokenizers/unigram-json';
import { createWordPiece } from '../tokenizers/wordpiece';
import { LazyChain } from './lazy-chain';
import { TensorScope } from './tensor-scope';
import type { CallOptions, PipelineModel } from './types';

/** The part of a model that reads prompts. */
export interface PromptEncoderModel extends Pick<PipelineModel, 'tokenizer'> {
  readonly manifest: {
    readonly configs: Pick<PipelineModel['manifest']['configs'], 'textEncoder'>;
    readonly text: { readonly encoder: 'minilm' | 'umt5' };
  };
  readonly weights: Pick<PipelineModel['weights'], 'textEncoder'>;
}

export interface PromptStates {
  readonly ids: readonly number[];
  readonly truncated: string | null;
  /** Last layer's token states, f32 [ids, width]. */
  readonly states: Float32Array;
  readonly width: number;
}

/** A text encoder with its tokenizer: MiniLM, whose texts go in as they are, or UMT5, whose texts are cleaned as Wan cleans them. */
export class PromptEncoder {
  readonly chain: LazyChain;
  readonly #executor: Executor;
  readonly #tokenizer: Tokenizer;
  readonly #width: number;
  readonly #inputs: (ids: readonly number[]) => Record<string, { data: Int32Array; shape: number[] }>;

  constructor(executor: Executor, model: PromptEncoderModel) {
    this.#executor = executor;
    const { configs, text } = model.manifest;
    const weights = model.weights.textEncoder;
    if (text.encoder === 'minilm') {
      const config = parseMiniLmConfig(configs.textEncoder);
      this.#tokenizer = createWordPiece(model.tokenizer);
      this.#width = config.width;
      this.chain = new LazyChain(executor, [miniLm(weights, config)], weights);
      this.#inputs = (ids) => {
        const { ids: data, positions } = miniLmInputs(config, ids);
        return { ids: { data, shape: [data.length] }, positions: { data: positions, shape: [data.length] } };
      };
    } else {
      const config = parseUmt5Config(configs.textEncoder);
      const inner = model.tokenizer instanceof Map ? createUnigramFromGguf(model.tokenizer) : createUnigramFromJson(model.tokenizer);
      this.#tokenizer = { content: (prompt) => inner.content(cleanPrompt(prompt)), wrap: (content) => inner.wrap(content) };
      this.#width = config.width;
      // 5.7 billion parameters: a layer at a time in memory.
      this.chain = new LazyChain(executor, umt5(weights, config), weights, { resident: false });
      this.#inputs = (ids) => {
        const { ids: data, buckets } = umt5Inputs(config, ids);
        return { ids: { data, shape: [data.length] }, buckets: { data: buckets, shape: [data.length, data.length] } };
      };
    }
  }

  /** What encoding a text will take on a GPU; null where that is not known. The read-back of its states counts among the tensors. */
  planMemory(text: string, length: number): ChainMemory | null {
    const { ids } = fitPrompt(this.#tokenizer, text, length);
    const given = Object.entries(this.#inputs(ids)).map(([name, { shape }]): [string, InputShape] => [name, { shape, type: 'i32' }]);
    const plan = this.chain.planMemory(Object.fromEntries(given));
    if (!plan) return null;
    const states = { shape: [ids.length, this.#width] };
    return withTensors(plan, tensorBytes([...given.map(([, tensor]) => tensor), states]));
  }

  /** Token states of a text, cut to at most `length` tokens. */
  async encode(text: string, length: number, { signal }: CallOptions = {}): Promise<PromptStates> {
    throwIfAborted(signal);
    const { ids, truncated } = fitPrompt(this.#tokenizer, text, length);
    const chain = await this.chain.get({ signal });
    throwIfAborted(signal);
    const scope = new TensorScope();
    try {
      const inputs: Record<string, DeviceTensor> = {};
      for (const [name, { data, shape }] of Object.entries(this.#inputs(ids))) inputs[name] = scope.own(this.#executor.upload(data, shape));
      const outputs = scope.ownAll(await chain.run(inputs, { signal }));
      const states = (await this.#executor.download(outputs.states!)) as Float32Array;
      return { ids, truncated, states, width: this.#width };
    } finally {
      scope.dispose();
    }
  }

  /** Sentence embedding, of length 1. Throws `unsupported` where the model's text encoder is not made for that. */
  async embed(text: string, length: number, options?: CallOptions): Promise<Float32Array> {
    if (this.chain.graphs.length > 1)
      throw new KinoraError('unsupported', "This model's text encoder has no sentence embedding.", 'Search with the bundled model.');
    const { states, width } = await this.encode(text, length, options);
    return sentenceEmbedding(states, width);
  }
}
