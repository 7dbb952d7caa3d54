/**
 * The form in which calls cross the worker boundary. Comlink carries them; this file teaches it to carry errors whole (by itself
 * only message and stack survive) and says what a remote engine can be asked. Import it on both sides before the first call.
 */
import * as Comlink from 'comlink';
import { ERROR_CODES, KinoraError, toKinoraError, type ErrorRecord } from '../errors';
import type { ExportSource } from './engine';
import type { GenerationSpec, SpecInput } from './spec';
import type {
  Capabilities,
  Clip,
  GenerateOptions,
  Kinora,
  ModelDescription,
  ModelStatus,
  PartialResult,
  Progress,
  RunOptions,
  TuneCallOptions,
  TuneProgress,
  TuningReport,
} from './types';

export type ProgressCallback = (progress: Progress) => void;
export type TuneCallback = (progress: TuneProgress) => void;

/** Options that can be cloned; a signal becomes a `cancel` message, a callback an argument of its own. */
export type WireOptions<T> = Omit<T, 'signal' | 'onProgress'>;

export type ExportOptions = Parameters<Kinora['exportClip']>[1];

/** What the worker is told before anything else. */
export interface EngineSettings {
  /** URL of the folder that holds the models' folders, ending in a slash. */
  readonly modelBase: string;
}

/** The engine as the worker exposes it. `call` names a call so that `cancel` can stop it. */
export interface RemoteEngine {
  configure(settings: EngineSettings): void;
  /** Answers as soon as the worker is free: a sign of life. */
  ping(): void;
  cancel(call: number): void;
  capabilities(): Promise<Capabilities>;
  models(): Promise<readonly ModelStatus[]>;
  describe(modelId: string): Promise<ModelDescription>;
  remove(modelId: string): Promise<number>;
  partial(): Promise<PartialResult | null>;
  interruptedSpec(): Promise<GenerationSpec | null>;
  prepare(modelId: string, options: RunOptions): Promise<boolean>;
  embed(text: string): Promise<Float32Array>;
  tune(call: number, options: WireOptions<TuneCallOptions>, onProgress: TuneCallback | null): Promise<TuningReport>;
  download(call: number, modelId: string, onProgress: ProgressCallback | null): Promise<void>;
  verify(call: number, modelId: string, onProgress: ProgressCallback | null): Promise<number>;
  generate(call: number, spec: SpecInput, options: WireOptions<GenerateOptions>, onProgress: ProgressCallback | null): Promise<Clip>;
  exportClip(call: number, source: ExportSource, options: WireOptions<ExportOptions>, onProgress: ProgressCallback | null): Promise<Clip>;
  dispose(): Promise<void>;
}

let isInstalled = false;

/** Installs the handlers on this side. Idempotent. */
export function installWire(): void {
  if (isInstalled) return;
  isInstalled = true;
  // Comlink marks a thrown value with a symbol of its own; its handler under this name knows that symbol.
  const thrown = Comlink.transferHandlers.get('throw')!;
  const handler: Comlink.TransferHandler<{ value: unknown }, ErrorRecord> = {
    canHandle: (value): value is { value: unknown } => thrown.canHandle(value),
    serialize: ({ value }) => [toKinoraError(value).toRecord(), []],
    deserialize: (record) => {
      throw readError(record);
    },
  };
  Comlink.transferHandlers.set('throw', handler);
}

/** What arrives is checked: comlink itself may report a failure in its own form. */
function readError(record: Partial<ErrorRecord>): KinoraError {
  if (typeof record?.message === 'string' && typeof record.hint === 'string' && ERROR_CODES.includes(record.code!))
    return KinoraError.fromRecord(record as ErrorRecord);
  return toKinoraError(record);
}

/** Moves a clip's big buffers instead of copying them. */
export function transferClip(clip: Clip): Clip {
  return Comlink.transfer(clip, ownedBuffers([...(clip.latents ? [clip.latents] : []), ...(clip.frames ?? [])]));
}

/** Moves the preview's pictures. */
export function transferProgress<P extends Progress>(progress: P): P {
  return Comlink.transfer(progress, ownedBuffers(progress.preview?.frames ?? []));
}

/** The memory of the arrays that own all of theirs; views of a larger buffer, and shared memory, are copied. */
function ownedBuffers(arrays: readonly (Float32Array | Uint8ClampedArray)[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { buffer, byteLength } of arrays) if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffers.add(buffer);
  return [...buffers];
}
