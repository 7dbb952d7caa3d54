import { memorySource } from '../../src/weights/files/byte-source';
import { openShardedWeights, type OpenWeights } from '../../src/weights/open-weights';
import { parseUmt5Config, umt5 } from '../../src/networks/umt5';
import { parseWanConfig } from '../../src/networks/wan-config';
import { compare } from './comparison';
import { filesIn, golden, readGoldens, readWeights, type FixtureFolder, type Goldens } from './fixture-folder';
import { runOnce, type NetworkCase } from './network-case';
import { inputsOf, umt5Cost } from './umt5-cases';
import { runWan, stepCost } from './wan-cases';

interface GgufDescription {
  readonly config: Record<string, unknown>;
  readonly prompts?: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

/** Outputs of the networks in gguf-file: every X.gguf with its X.json and X.golden.safetensors. */
export async function ggufFileCases(folder: FixtureFolder): Promise<NetworkCase[]> {
  const cases: NetworkCase[] = [];
  for (const file of await filesIn(folder, 'gguf-file', /\.gguf$/)) {
    const stem = file.slice(0, -'.gguf'.length);
    const description = (await folder.readJson(`${stem}.json`)) as GgufDescription;
    const goldens = await readGoldens(folder, `${stem}.golden.safetensors`);
    const weights = await readWeights(folder, file);
    if (description.prompts) cases.push(...umt5FileCases(file, weights, description, goldens));
    else cases.push(wanFileCase(file, weights, description.config, goldens, 'output'));
  }
  return cases;
}

/** Outputs of the networks in safetensors-file: X.<variant>.safetensors and sharded folders that the goldens have an `output.<variant>` of. */
export async function safetensorsFileCases(folder: FixtureFolder): Promise<NetworkCase[]> {
  const area = 'safetensors-file';
  const cases: NetworkCase[] = [];
  for (const description of await filesIn(folder, area, /^[^/]+\.json$/)) {
    const { config, files } = (await folder.readJson(description)) as { config?: Record<string, unknown>; files?: unknown };
    if (!config || files) continue; // files.json lists files, it does not describe a network
    const stem = description.slice(0, -'.json'.length);
    const goldens = await readGoldens(folder, `${area}/golden.safetensors`);
    for (const output of [...goldens.keys()].filter((name) => name.startsWith('output.'))) {
      const variant = output.slice('output.'.length);
      const weights = await openVariant(folder, `${stem}.${variant}.safetensors`, `${area}/${variant}`);
      // `output.f32` is the unrounded original's, which has no file.
      if (weights) cases.push(wanFileCase(`${stem}, ${variant}`, weights, config, goldens, output));
    }
  }
  return cases;
}

function wanFileCase(name: string, weights: OpenWeights, json: unknown, goldens: Goldens, output: string): NetworkCase {
  const config = parseWanConfig(json);
  const merged = golden(goldens, 'timestep').data.length === 1;
  return {
    name,
    network: 'wan',
    cost: stepCost(weights, config, goldens, { merged, grouping: 'whole' }),
    run: async (executor, tolerances) => {
      const { outputs } = await runWan(executor, weights, config, goldens, { merged, grouping: 'whole' });
      return [compare(output, outputs.velocity!, golden(goldens, output), tolerances.wan)];
    },
  };
}

function umt5FileCases(
  file: string,
  weights: OpenWeights,
  { config: json, prompts = [] }: GgufDescription,
  goldens: Goldens,
): NetworkCase[] {
  const config = parseUmt5Config(json);
  return prompts.map(({ text, ids }, index) => ({
    name: `${file}, ${JSON.stringify(text.slice(0, 40))}`,
    network: 'umt5',
    cost: umt5Cost(weights, config, ids),
    run: async (executor, tolerances) => {
      const { states } = await runOnce(executor, umt5(weights, config), weights, inputsOf(config, ids));
      return [compare('last_hidden_state', states!, golden(goldens, `${index}.last_hidden_state`), tolerances.umt5)];
    },
  }));
}

async function openVariant(folder: FixtureFolder, file: string, shards: string): Promise<OpenWeights | undefined> {
  if ((await folder.list(file.slice(0, file.lastIndexOf('/')))).includes(file)) return readWeights(folder, file);
  const [index] = await filesIn(folder, shards, /\.index\.json$/);
  if (index === undefined) return undefined;
  return openShardedWeights(memorySource(await folder.readBytes(index)), async (name) =>
    memorySource(await folder.readBytes(`${shards}/${name}`)),
  );
}
