import { miniLm, miniLmInputs, parseMiniLmConfig, sentenceEmbedding } from '../../src/networks/minilm';
import type { WeightSource } from '../../src/graph/types';
import { compare, type Tolerance } from './comparison';
import { foldersWith, golden, readGoldens, type FixtureFolder } from './fixture-folder';
import { chainCost, i32, runOnce, type NetworkCase } from './network-case';

/** MiniLM's weights are not among the fixtures: the caller says where they are, and what file it is. */
export interface MiniLmFile {
  readonly weights: WeightSource;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

type Ids = readonly number[];

interface Prompts {
  readonly weights_sha256: string;
  readonly config: unknown;
  /** `ids`, and `ids_48` where the prompt was cut to 48 tokens. */
  readonly prompts: readonly (Readonly<Record<string, unknown>> & { readonly text: string; readonly ids: Ids })[];
}

/**
 * The goldens come from the published f32 weights. A file with another hash holds them rounded, and then the
 * comparison cannot be closer than the rounding: these bounds on it, by storage type of the linears, are about
 * twice what was measured (worst of 15 texts, max / rms of states, max of sentence): F16 1.1e-2 / 1.2e-3, 2.1e-4; Q8_0
 * (f16 and f32 elsewhere) 1.5e-1 / 2.6e-2, 4.9e-3. The published file itself measured 6.7e-6 and 1.4e-7 here. What rounding
 * would hide, such as tanh for erf GELU, test/networks/minilm.test.ts sees on a small BERT of exact weights.
 */
const ROUNDED: Readonly<Record<string, { states: Tolerance; sentence: Tolerance }>> = {
  F16: { states: { max: 2e-2, rms: 2e-3 }, sentence: { max: 5e-4, absolute: true } },
  Q8_0: { states: { max: 0.3, rms: 5e-2 }, sentence: { max: 1e-2, absolute: true } },
};

/** Token states and sentence embedding of every prompt of the bert folders. */
export async function miniLmCases(folder: FixtureFolder, { weights, sha256 }: MiniLmFile): Promise<NetworkCase[]> {
  const cases: NetworkCase[] = [];
  for (const path of await foldersWith(folder, 'bert', 'prompts.json')) {
    const { config: json, prompts, weights_sha256: published } = (await folder.readJson(`${path}/prompts.json`)) as Prompts;
    const config = parseMiniLmConfig(json);
    const goldens = await readGoldens(folder, `${path}/golden.safetensors`);
    const type = weights.info('encoder.layer.0.intermediate.dense.weight').type;
    const rounded = sha256 === published ? undefined : ROUNDED[type];
    if (sha256 !== published && !rounded) throw new Error(`There is no error bound for MiniLM weights stored as ${type}.`);
    prompts.forEach((prompt, index) => {
      for (const [key, ids] of Object.entries(prompt) as [string, Ids][]) {
        const cut = /^ids(?:_(\d+))?$/.exec(key);
        if (!cut) continue;
        const name = cut[1] === undefined ? `${index}` : `${index}.${cut[1]}`;
        const inputs = miniLmInputs(config, ids);
        const host = { ids: i32(inputs.ids, ids.length), positions: i32(inputs.positions, ids.length) };
        cases.push({
          name: `${path}, prompt ${name} of ${ids.length} tokens, weights ${rounded ? `rounded to ${type}` : 'as published'}`,
          network: 'minilm',
          cost: chainCost([miniLm(weights, config)], host),
          run: async (executor, tolerances) => {
            const { states } = await runOnce(executor, [miniLm(weights, config)], weights, host);
            return [
              compare('last_hidden_state', states!, golden(goldens, `${name}.last_hidden_state`), rounded?.states ?? tolerances.bertStates),
              compare(
                'sentence',
                sentenceEmbedding(states!, config.width),
                golden(goldens, `${name}.sentence`),
                rounded?.sentence ?? tolerances.bertSentence,
              ),
            ];
          },
        });
      }
    });
  }
  return cases;
}
