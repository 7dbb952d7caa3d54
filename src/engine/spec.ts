/** A clip's recipe. Versioned, validated; stored with the clip, inside the MP4 and in the report. */
export interface GenerationSpec {
  readonly version: 1;
  readonly model: string;
  readonly prompt: string;
  readonly negativePrompt: string;
  /** 0 to 2^53 - 1; torch's CPU generator, so it means what it means in ComfyUI and diffusers. */
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** 4n + 1. */
  readonly frames: number;
  readonly fps: number;
  readonly steps: number;
  /** Classifier-free guidance scale; 1 is off. */
  readonly guidance: number;
  readonly sampler: 'euler' | 'unipc' | 'dmd' | 'rcm';
  /** Flow-matching shift of the schedule. */
  readonly shift: number;
}

/** What a caller gives: a prompt, and anything that should differ from the model's defaults. */
export type SpecInput = { readonly prompt: string } & { readonly [K in keyof Omit<GenerationSpec, 'prompt'>]?: GenerationSpec[K] };
