import type { WeightType } from '../../../src/graph/types';
import { timestepSinusoid } from '../../../src/networks/wan-tables';
import { wanStep } from '../../../src/networks/wan-transformer';
import { noise } from './roofline';
import { syntheticWeights, wan13b, wanShapes } from './synthetic-weights';
import { timeGraph, type GraphTime, type Subject } from './time-graph';

export interface BlockRow extends GraphTime {
  readonly tokens: number;
  readonly layers: number;
  readonly type: WeightType;
}

/** A step of Wan2.1-1.3B's shape: `side` patches each way in `frames` latent frames, `layers` of its 30 blocks, 512 rows of prompt. */
export async function measureWanStep(
  subject: Subject,
  {
    layers,
    frames,
    side,
    type,
    budgetMs,
  }: { layers: number; frames: number; side: readonly [number, number]; type: WeightType; budgetMs: number },
): Promise<BlockRow> {
  const config = wan13b(layers);
  const weights = syntheticWeights(wanShapes(config), type);
  const [height, width] = side;
  const tokens = frames * height * width;
  const sinusoid = timestepSinusoid([500], config.freqDim);
  const cross = Array.from({ length: layers }, (_, i) => [`crossK.${i}`, `crossV.${i}`]).flat();
  const time = await timeGraph(
    subject,
    {
      graph: wanStep(weights, config, { merged: true, grouping: 'whole' })[0]!,
      weights,
      inputs: {
        latents: noise([config.inChannels, frames, 2 * height, 2 * width]),
        sinusoid: { data: sinusoid, shape: [1, config.freqDim], type: 'f32' },
        ropeCos: noise([1, tokens, config.headDim / 2]),
        ropeSin: noise([1, tokens, config.headDim / 2]),
        ...Object.fromEntries(cross.map((name) => [name, noise([512, config.dim])])),
      },
    },
    budgetMs,
  );
  return { ...time, tokens, layers, type };
}
