import type { OpenWeights } from '../../src/weights/open-weights';
import { parseWanConfig, type WanConfig } from '../../src/networks/wan-config';
import { ropeTables, timestepSinusoid } from '../../src/networks/wan-tables';
import { wanContext, wanPlaces, wanStep, wanTokens, type WanStepOptions } from '../../src/networks/wan-transformer';
import type { Executor } from '../../src/graph/executor';
import { compare, type Comparison, type Tolerances } from './comparison';
import { filesIn, foldersWith, golden, readGoldens, readWeights, type FixtureFolder, type Goldens } from './fixture-folder';
import { chainCost, f32, runOnce, type HostInputs, type NetworkCase } from './network-case';

type WanRunOptions = Omit<WanStepOptions, 'taps'>;

/** Golden tensors that are inputs, not results. */
const INPUTS = new Set(['latents', 'timestep', 'context']);

/** Every golden of every wan-transformer folder, from each of its weight files, as one graph and as a chain. */
export async function wanCases(folder: FixtureFolder): Promise<NetworkCase[]> {
  const cases: NetworkCase[] = [];
  for (const path of await foldersWith(folder, 'wan-transformer', 'config.json')) {
    const { config: json } = (await folder.readJson(`${path}/config.json`)) as { config: unknown };
    const config = parseWanConfig(json);
    const goldens = await readGoldens(folder, `${path}/golden.safetensors`);
    const oneTimestep = golden(goldens, 'timestep').data.length === 1;
    for (const file of await filesIn(folder, path, /^weights\..+\.safetensors$/)) {
      const weights = await readWeights(folder, file);
      for (const merged of oneTimestep ? [true, false] : [false])
        for (const grouping of ['whole', 'layers'] as const) {
          const options = { merged, grouping };
          cases.push({
            name: `${file}, ${grouping}, ${merged ? 'one timestep' : 'a timestep per frame'}`,
            network: 'wan',
            cost: stepCost(weights, config, goldens, options),
            run: (executor, tolerances) => compareTaps(executor, weights, config, goldens, options, tolerances),
          });
        }
    }
  }
  return cases;
}

/** Runs context and step on the goldens' inputs: `velocity`, and all taps where wanted. */
export async function runWan(executor: Executor, weights: OpenWeights, config: WanConfig, goldens: Goldens, options: WanStepOptions) {
  const taps = options.taps ?? false;
  const { shape, data } = golden(goldens, 'context');
  const context = await runOnce(executor, [wanContext(weights, config, { taps })], weights, {
    context: f32(data, shape.at(-2)!, shape.at(-1)!),
  });
  const inputs = stepInputs(config, goldens, options);
  const cross = Object.fromEntries(Object.entries(context).map(([name, rows]) => [name, f32(rows, rows.length / config.dim, config.dim)]));
  const { ropeCos, ropeSin } = inputs;
  const placesGraph = wanPlaces(weights, config);
  const places = placesGraph ? await runOnce(executor, [placesGraph], weights, { ropeCos, ropeSin }) : {};
  const tokens = Object.fromEntries(
    Object.entries(places).map(([name, rows]) => [name, f32(rows, ...ropeCos.shape.slice(0, 2), config.dim)]),
  );
  const outputs = await runOnce(executor, wanStep(weights, config, options), weights, { ...inputs, ...tokens, ...cross });
  return { inputs, outputs: { ...context, ...outputs } };
}

/** Multiply-adds of a step, with sizes from the goldens. */
export function stepCost(weights: OpenWeights, config: WanConfig, goldens: Goldens, options: WanStepOptions): number {
  const inputs: Record<string, HostInputs[string]> = { ...stepInputs(config, goldens, options) };
  const rows = golden(goldens, 'context').shape.at(-2)!;
  for (let i = 0; i < config.layers; i++)
    for (const name of [`crossK.${i}`, `crossV.${i}`]) inputs[name] = f32(new Float32Array(0), rows, config.dim);
  if (config.positionEmbedding) inputs.places = f32(new Float32Array(0), ...inputs.ropeCos!.shape.slice(0, 2), config.dim);
  return chainCost(wanStep(weights, config, { ...options, grouping: 'whole' }), inputs);
}

function stepInputs(config: WanConfig, goldens: Goldens, options: WanRunOptions) {
  const latents = golden(goldens, 'latents');
  const shape = latents.shape.slice(-4); // without the batch of 1
  const [, frames, height, width] = shape as [number, number, number, number];
  const { F, S } = wanTokens(config, shape, options);
  const given = [...golden(goldens, 'timestep').data];
  const timesteps = given.length === F ? given : new Array<number>(F).fill(given[0]!);
  const { cos, sin } = ropeTables(config, frames, height / config.patch, width / config.patch);
  return {
    latents: f32(latents.data, ...shape),
    sinusoid: f32(timestepSinusoid(timesteps, config.freqDim), F, config.freqDim),
    ropeCos: f32(cos, F, S, config.headDim / 2),
    ropeSin: f32(sin, F, S, config.headDim / 2),
  };
}

async function compareTaps(
  executor: Executor,
  weights: OpenWeights,
  config: WanConfig,
  goldens: Goldens,
  options: WanRunOptions,
  tolerances: Tolerances,
) {
  const { inputs, outputs } = await runWan(executor, weights, config, goldens, { ...options, taps: true });
  const frames = golden(goldens, 'latents').shape.at(-3)!;
  const comparisons: Comparison[] = [];
  for (const [name, expected] of goldens) {
    if (INPUTS.has(name)) continue;
    const actual =
      { output: outputs.velocity, rope_cos: inputs.ropeCos.data, rope_sin: inputs.ropeSin.data, timestep_sinusoid: inputs.sinusoid.data }[
        name
      ] ?? outputs[name];
    if (!actual) throw new Error(`The network has nothing to compare with the golden ${name}.`);
    // One timestep given to every frame makes equal rows where the golden has one.
    const repeated = !options.merged && actual.length === expected.data.length * frames;
    const tolerance = name === 'timestep_sinusoid' ? tolerances.sinusoid : tolerances.wan;
    const rows = repeated ? frames : 1;
    for (let row = 0; row < rows; row++)
      comparisons.push(
        compare(
          repeated ? `${name} of frame ${row}` : name,
          (actual as Float32Array).subarray((row * actual.length) / rows, ((row + 1) * actual.length) / rows),
          expected,
          tolerance,
        ),
      );
  }
  return comparisons;
}
