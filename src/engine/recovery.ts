import { KinoraError, toKinoraError } from '../errors';
import type { Latents, Pipeline } from '../pipeline/types';
import type { DeviceLosses } from './device-losses';

/** The parts of a job that can be tried again by themselves: the text alone, all up to the latents, or from the latents to the video. */
export type JobPart = 'text' | 'latents' | 'video';

/** Smaller pieces than this would be nearly all edge: each is decoded with what it sees round it. */
const LEAST_TILE = 8;

const LOST = 'The graphics device was lost once; the run went on after its last finished step.';
const FRUGAL = 'Memory ran out; the run went on with one network in memory at a time.';
const TILED = 'Memory ran out; frames were decoded in pieces.';

const WAS_NOT_ENOUGH: Readonly<Record<JobPart, string>> = {
  text: 'There is not enough memory to read this text, even with nothing else in memory.',
  latents: 'There is not enough memory for this clip, even with one network at a time.',
  video: 'There is not enough memory to decode this clip, even with one network at a time and in small pieces.',
};

const SMALLER = 'Choose a smaller size, fewer frames or a smaller model, or close other tabs; finished steps are kept.';

/** What is known of a part that failed. */
export interface Failed {
  readonly latents?: Pick<Latents, 'shape'> | null;
  readonly decoderReach?: number;
  /** What to do about memory that is not enough; null for the general advice. */
  readonly suggest?: () => string | null;
}

/**
 * What a job does when its device fails: it is set up anew and goes on after its last finished step. A lost device is set up once, for
 * browsers block a page that loses it again and again. When memory runs out, less is held at once: one network at a time, then smaller and
 * smaller pieces of the frames (of which no more than one latent frame is decoded at once anyway); each is announced.
 */
export class Recovery {
  /** What was done, for the user, in order. */
  readonly notes: string[] = [];
  /** What failed when memory was released between tries, for the user: it did not stop the job. */
  readonly #problems: string[] = [];
  readonly #losses: DeviceLosses;
  #tile: number | undefined;

  constructor(losses: DeviceLosses) {
    this.#losses = losses;
  }

  /** What a report says of it all. */
  get report(): readonly string[] {
    return [...this.notes, ...this.#problems];
  }

  /** Whether only the network that runs may be in memory. */
  get isFrugal(): boolean {
    return this.notes.includes(FRUGAL);
  }

  /** Side of the squares to decode in, in latent pixels; undefined for whole frames. */
  get tile(): number | undefined {
    return this.#tile;
  }

  /**
   * Decides how the part that failed is tried again, and says so in `notes`; throws the failure when there is no other way.
   */
  next(error: unknown, part: JobPart, { latents = null, decoderReach = 0, suggest = () => null }: Failed = {}): void {
    const failure = toKinoraError(error);
    if (failure.code === 'device-lost') this.#afterLoss(error);
    else if (failure.code === 'out-of-memory') this.#withLess(error, part, latents, decoderReach, suggest);
    else throw failure;
  }

  /** Drops what is in memory. Releasing what a lost device held may fail; it is gone anyway, so that is told and no more. */
  async drop(loaded: { drop(): Promise<void> }): Promise<void> {
    try {
      await loaded.drop();
    } catch (error) {
      const { message } = toKinoraError(error);
      const problem = `Something in memory could not be released: ${message}`;
      if (!this.#problems.includes(problem)) this.#problems.push(problem);
    }
  }

  #afterLoss(cause: unknown): void {
    this.#losses.count();
    if (this.notes.includes(LOST))
      throw new KinoraError(
        'device-lost',
        'The graphics device was lost twice.',
        'Go on from the last step with the backend “ort-wasm”, or restart the browser.',
        { cause },
      );
    this.notes.push(LOST);
  }

  #withLess(
    cause: unknown,
    part: JobPart,
    latents: Failed['latents'] | null,
    decoderReach: number,
    suggest: NonNullable<Failed['suggest']>,
  ): void {
    if (!this.isFrugal) {
      this.notes.push(FRUGAL);
      return;
    }
    const longest = latents && part === 'video' ? Math.max(latents.shape[2], latents.shape[3]) : 0;
    const tile = Math.ceil((this.#tile ?? longest) / 2);
    if (tile < LEAST_TILE || tile + 2 * decoderReach >= longest) {
      throw new KinoraError('out-of-memory', WAS_NOT_ENOUGH[part], suggest() ?? SMALLER, { cause });
    }
    this.#tile = tile;
    if (!this.notes.includes(TILED)) this.notes.push(TILED);
  }
}

/** Releases what a phase does not need, where memory is short. */
export async function makeRoom(recovery: Recovery, pipeline: Pipeline, network: Parameters<Pipeline['keepOnly']>[0]): Promise<void> {
  if (recovery.isFrugal) await pipeline.keepOnly(network);
}

/** What differs from one job to another between its tries. */
export interface RecoveryHooks {
  /** What is known of the part that failed. */
  readonly failed?: () => Failed;
  /** Called when what was in memory has been dropped, before the next try. */
  readonly dropped?: () => Promise<void>;
}

/** Runs work until it is done or there is no other way; between tries what is in memory is dropped. */
export async function withRecovery<T>(
  recovery: Recovery,
  loaded: { drop(): Promise<void> },
  part: JobPart,
  work: () => Promise<T>,
  { failed, dropped }: RecoveryHooks = {},
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      recovery.next(error, part, failed?.());
      await recovery.drop(loaded);
      await dropped?.();
    }
  }
}
