import type { Precision } from '../graph/executor';
import type { VideoWriter } from '../media/video-writer';
import type { CreatePipeline, PipelineExecutors, PipelineModel } from '../pipeline/types';
import type { Locks } from '../weights/store/lock';
import type { ModelManifest } from '../weights/manifest';
import type { DeviceFacts } from './device';
import type { GenerationSpec } from './spec';
import type { Capabilities, ExecutionPlan, ModelDescription, ModelStatus, NetworkBackends } from './types';

/** Bytes done and in all, and what the user should know meanwhile. */
export type BytesProgress = (doneBytes: number, totalBytes: number, note?: string) => void;

/** A stored model, opened: what the pipeline needs, and the whole manifest. */
export interface OpenModel extends PipelineModel {
  readonly manifest: ModelManifest;
}

export interface ModelAccess {
  list(): Promise<readonly ModelStatus[]>;
  describe(id: string): Promise<ModelDescription>;
  /** Makes sure that a model is stored and whole. Calls `onProgress` only when something has to be fetched. */
  ensure(id: string, options: { readonly signal?: AbortSignal; readonly onProgress?: BytesProgress }): Promise<void>;
  open(id: string): Promise<OpenModel>;
  /** Hashes what is stored again; resolves to the bytes that are damaged or missing. */
  verify(id: string, options: { readonly signal?: AbortSignal; readonly onProgress?: BytesProgress }): Promise<number>;
  /** Resolves to the bytes freed. */
  remove(id: string): Promise<number>;
}

export interface ExecutorRequest {
  readonly networks: NetworkBackends;
  /** Configurations of Kinora's own kernels, by class; a plan has its own. */
  readonly choices: Readonly<Record<string, string>>;
  readonly precision: Precision;
  readonly threads: number;
  /** Kernel variants of an earlier run that must be used again. */
  readonly replay?: ExecutionPlan;
}

/** The part of a `VideoWriter` that the engine drives. */
export type VideoSink = Pick<VideoWriter, 'add' | 'finish' | 'close' | 'triedCodecs'>;

export interface VideoRequest {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly scale: 1 | 2 | 4;
  /** Written into the file. */
  readonly spec: GenerationSpec;
  readonly signal?: AbortSignal | undefined;
  /** Codecs that broke on this clip before. */
  readonly without: VideoSink['triedCodecs'];
}

/** A value kept over reloads of the page. */
export interface KeptValues {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
}

/** All that the engine does not do itself. browser-environment.ts is the real one; tests bring their own. */
export interface Environment {
  /** The model that a spec without one means. */
  readonly defaultModel: string;
  readonly models: ModelAccess;
  readonly createPipeline: CreatePipeline;
  detectDevice(): Promise<DeviceFacts>;
  /** What the user should know about where things are kept. */
  notes(): readonly string[];
  createExecutors(request: ExecutorRequest): Promise<PipelineExecutors>;
  /** Whether onnxruntime-web's WebGPU build is here already; fetching it is 17 MB. */
  isOrtWebGpuStored(): Promise<boolean>;
  openVideo(request: VideoRequest): VideoSink;
  videoSupport(): Promise<Capabilities['video']>;
  storage(): Promise<Capabilities['storage']>;
  readonly kept: KeptValues;
  /** Undefined where the browser has none (an insecure page): nothing is guarded then. */
  readonly locks: Locks | undefined;
  /** A clock in milliseconds that never goes back. */
  now(): number;
}
