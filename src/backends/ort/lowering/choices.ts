import { KinoraError } from '../../../errors';
import type { Precision } from '../../../graph/executor';

export type Provider = 'wasm' | 'webgpu';

/** How ops are lowered: what an execution plan records, because each choice changes the arithmetic. */
export interface Choices {
  readonly provider: Provider;
  readonly precision: Precision;
  /** `f32`: Gemm on dequantized weights. `int8`: dynamically quantized activations. `nbits`: Q8_0 and Q4_0 unpacked in the kernel. */
  readonly linear: 'f32' | 'int8' | 'nbits';
  /** `fused`: MultiHeadAttention. `plain`: two products of matrices and a softmax. */
  readonly attention: 'fused' | 'plain';
  /** `fused`: LayerNormalization. `centred`: the mean taken off, then the RMS norm, whose CPU kernel is vectorised: 34 µs for 80 × 256, not 131. */
  readonly layerNorm: 'fused' | 'centred';
  /** `conv`: ONNX's Conv. `winograd`: F(4×4, 3×3) in f32 where it applies, else products of matrices over channels-last frames. */
  readonly convolution: 'conv' | 'matrix' | 'winograd';
}

/** The choices in a plan. */
export type Variants = Readonly<Record<string, string | number | boolean>>;

const VALUES: { readonly [Name in Exclude<keyof Choices, 'provider' | 'precision'>]: readonly Choices[Name][] } = {
  linear: ['f32', 'int8', 'nbits'],
  attention: ['fused', 'plain'],
  layerNorm: ['fused', 'centred'],
  convolution: ['conv', 'matrix', 'winograd'],
};

/** The choices measured best for a provider and precision, but for those in `variants`. Throws `unsupported` on one that there is not. */
export function chooseLowering(provider: Provider, precision: Precision, variants: Variants = {}): Choices {
  for (const [name, value] of Object.entries(variants))
    if (!(VALUES as Readonly<Record<string, readonly unknown[]>>)[name]?.includes(value))
      throw new KinoraError(
        'unsupported',
        `This version of Kinora cannot follow the plan's ${name} = ${value}.`,
        'Run it without the plan, or with the version that wrote it.',
      );
  const wasm = provider === 'wasm';
  return {
    provider,
    precision,
    linear: wasm ? (precision === 'fast' ? 'int8' : 'f32') : 'nbits',
    attention: 'fused',
    layerNorm: wasm ? 'centred' : 'fused',
    convolution: wasm ? 'winograd' : 'conv',
    ...(variants as Partial<Choices>),
  };
}
