import { shareSlots, type ChainMemory } from '../graph/chain-memory';
import { elementCount } from '../graph/dims';
import type { Executor } from '../graph/executor';
import { createSampler } from '../sampling/create-sampler';
import { mostCarried } from '../sampling/sampler';
import type { PromptEncoder } from './prompt-encoder';
import type { JobMemory, Latents, MemoryRequest, PipelineExecutors } from './types';
import type { VelocityModel } from './velocity-model';
import type { VideoAutoencoder } from './video-autoencoder';

interface Networks {
  readonly executors: PipelineExecutors;
  readonly encoder: PromptEncoder;
  readonly transformer: VelocityModel;
  readonly autoencoder: VideoAutoencoder;
}

/** A network while its phase runs. */
interface PhaseMemory {
  readonly network: keyof PipelineExecutors;
  /** Weights and uniforms that stay after it, for the next clip; those of networks that are loaded as they run do not. */
  readonly stays: number;
  readonly slots: readonly number[];
  /** All that it takes by itself. */
  readonly alone: number;
  /** Of that, what goes when the phase ends: tensors, and the weights that do not stay. */
  readonly passing: number;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/**
 * The GPU memory of a whole job, before anything is allocated: networks are loaded before the first runs, intermediates of an executor grow to
 * what the phases so far need, tensors come and go. Null where the transformer's executor does not allocate itself; networks on others count nothing.
 */
export function planJobMemory({ executors, encoder, transformer, autoencoder }: Networks, request: MemoryRequest): JobMemory | null {
  const { spec, shape, prompts, contextRows, tile } = request;
  const denoising = transformer.planMemory(shape, contextRows, prompts.length);
  if (!denoising) return null;
  const phases: PhaseMemory[] = [];
  const encodings = prompts.map((prompt) => encoder.planMemory(prompt, contextRows)).filter((plan): plan is ChainMemory => plan !== null);
  if (encodings.length > 0) phases.push(phaseOf('textEncoder', encodings, encoder.chain.resident));
  const { before, step, given } = denoising;
  const loop: ChainMemory = { ...step, tensorBytes: given + tensorsOfStep(step, shape, spec) };
  phases.push(phaseOf('transformer', [...before, loop], true));
  const decoding = autoencoder.planMemory({ shape }, tile);
  if (decoding) phases.push(phaseOf('autoencoder', [decoding], true));

  const stays = sum(phases.map((phase) => phase.stays));
  const totals = phases.map(({ passing }, index) => {
    const arenas = new Map<Executor, (readonly number[])[]>();
    for (const { network, slots } of phases.slice(0, index + 1))
      arenas.set(executors[network], [...(arenas.get(executors[network]) ?? []), slots]);
    return stays + passing + sum([...arenas.values()].map((sets) => sum(shareSlots(sets))));
  });
  const peakBytes = Math.max(...totals);
  return {
    peakBytes,
    leastBytes: Math.max(...phases.map(({ alone }) => alone)),
    peakIn: phases[totals.indexOf(peakBytes)]!.network,
    networks: Object.fromEntries(phases.map(({ network, alone }) => [network, alone])),
  };
}

/** A network's chains, of which one runs at a time. */
function phaseOf(network: PhaseMemory['network'], plans: readonly ChainMemory[], resident: boolean): PhaseMemory {
  const held =
    resident && network === 'transformer' ? sum(plans.map((plan) => plan.heldBytes)) : Math.max(...plans.map((plan) => plan.heldBytes));
  const slots = resident ? shareSlots(plans.map((plan) => plan.slotBytes)) : [];
  const tensors = Math.max(...plans.map((plan) => plan.tensorBytes));
  if (!resident) {
    const alone = Math.max(...plans.map((plan) => plan.peakBytes));
    return { network, stays: 0, slots, alone, passing: alone };
  }
  return { network, stays: held, slots, alone: held + sum(slots) + tensors, passing: tensors };
}

/** Tensors of a step, the larger of predicting and updating: latents, history, velocities, what the sampler makes of them, and their read-back. */
function tensorsOfStep(step: ChainMemory, shape: Latents['shape'], { guidance, sampler, steps, shift }: MemoryRequest['spec']): number {
  const latents = 4 * elementCount(shape);
  const preview = latents / shape[0];
  const state = mostCarried(createSampler({ name: sampler, steps, shift })) * latents;
  const isGuided = guidance !== 1;
  const predicting = state + (isGuided ? latents : 0) + step.tensorBytes;
  const updating = state + (isGuided ? 3 : 1) * latents + state + latents + (preview + preview + state);
  return Math.max(predicting, updating);
}
