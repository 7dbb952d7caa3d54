import { parseUmt5Config, umt5, umt5Inputs, type Umt5Config } from '../../src/networks/umt5';
import type { OpenWeights } from '../../src/weights/open-weights';
import { compare } from './comparison';
import { filesIn, foldersWith, golden, readGoldens, readWeights, type FixtureFolder, type Goldens } from './fixture-folder';
import { chainCost, f32, i32, runOnce, type HostInputs, type NetworkCase } from './network-case';

/** Every sequence of every umt5 folder, from each of its weight files, encoded alone and without its padding. */
export async function umt5Cases(folder: FixtureFolder): Promise<NetworkCase[]> {
  const cases: NetworkCase[] = [];
  for (const path of await foldersWith(folder, 'umt5', 'config.json')) {
    const { config: json } = (await folder.readJson(`${path}/config.json`)) as { config: unknown };
    const config = parseUmt5Config(json);
    const goldens = await readGoldens(folder, `${path}/golden.safetensors`);
    for (const file of await filesIn(folder, path, /^weights\..+\.safetensors$/)) {
      const weights = await readWeights(folder, file);
      realIds(goldens).forEach((ids, sequence) => {
        cases.push({
          name: `${file}, sequence ${sequence} of ${ids.length} tokens`,
          network: 'umt5',
          cost: umt5Cost(weights, config, ids),
          run: async (executor, tolerances) => {
            const outputs = await runOnce(executor, umt5(weights, config, { taps: true }), weights, inputsOf(config, ids));
            return [...goldens.keys()]
              .filter((name) => name !== 'input_ids' && name !== 'attention_mask')
              .flatMap((name) => {
                const result = outputs[name === 'last_hidden_state' || name === 'zero_padded' ? 'states' : name];
                if (!result) throw new Error(`The network has nothing to compare with the golden ${name}.`);
                const rows = compare(name, result, { data: sequenceRows(goldens, name, sequence, ids.length) }, tolerances.umt5);
                if (name !== 'zero_padded') return rows;
                // Zeros are no part of the unit: 153 rows of them behind 7 would shrink it 4.8 times. They are compared by themselves.
                const behind = sequenceRows(goldens, name, sequence).subarray(result.length);
                return [rows, compare(`${name}, behind`, new Float32Array(behind.length), { data: behind }, { max: 0, absolute: true })];
              });
          },
        });
      });
    }
  }
  return cases;
}

/** The graph's inputs for token ids. */
export function inputsOf(config: Umt5Config, ids: readonly number[]): HostInputs {
  const inputs = umt5Inputs(config, ids);
  return { ids: i32(inputs.ids, ids.length), buckets: i32(inputs.buckets, ids.length, ids.length) };
}

export function umt5Cost(weights: OpenWeights, config: Umt5Config, ids: readonly number[]): number {
  return chainCost(umt5(weights, config), { ...inputsOf(config, ids), hidden: f32(new Float32Array(0), ids.length, config.width) });
}

/** Each sequence's ids where its attention mask is 1. */
function realIds(goldens: Goldens): number[][] {
  const ids = golden(goldens, 'input_ids');
  const mask = golden(goldens, 'attention_mask').data;
  const [sequences, length] = ids.shape as [number, number];
  return Array.from({ length: sequences }, (_, s) =>
    [...ids.data.slice(s * length, (s + 1) * length)].filter((_, i) => mask[s * length + i] === 1),
  );
}

/** The first rows (all without a number) of one sequence of a golden [sequences, length, width]. */
function sequenceRows(goldens: Goldens, name: string, sequence: number, rows?: number): Float32Array {
  const { shape, data } = golden(goldens, name);
  const [, length, width] = shape as [number, number, number];
  return data.subarray(sequence * length * width, (sequence * length + (rows ?? length)) * width);
}
