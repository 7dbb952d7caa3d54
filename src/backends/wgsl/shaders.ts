import attention from '../../../shaders/attention.wgsl?raw';
import attentionTiled from '../../../shaders/attention-tiled.wgsl?raw';
import combine from '../../../shaders/combine.wgsl?raw';
import conv2d from '../../../shaders/conv2d.wgsl?raw';
import elementwise from '../../../shaders/elementwise.wgsl?raw';
import embedding from '../../../shaders/embedding.wgsl?raw';
import gemm from '../../../shaders/gemm.wgsl?raw';
import gemmInt8 from '../../../shaders/gemm-int8.wgsl?raw';
import latentsToPreview from '../../../shaders/latents-to-preview.wgsl?raw';
import norm from '../../../shaders/norm.wgsl?raw';
import quantize from '../../../shaders/quantize.wgsl?raw';
import rearrange from '../../../shaders/rearrange.wgsl?raw';
import rgbToI420 from '../../../shaders/rgb-to-i420.wgsl?raw';
import rope from '../../../shaders/rope.wgsl?raw';

import activations from '../../../shaders/parts/activations.wgsl?raw';
import attentionOperands from '../../../shaders/parts/attention-operands.wgsl?raw';
import linearEpilogue from '../../../shaders/parts/linear-epilogue.wgsl?raw';
import packedMatrix from '../../../shaders/parts/packed-matrix.wgsl?raw';

/** Every kernel's source, by name, with the parts it shares. */
export const SHADERS = {
  attention: attentionOperands + attention,
  'attention-tiled': attentionOperands + attentionTiled,
  combine,
  conv2d,
  elementwise: activations + elementwise,
  embedding: packedMatrix + embedding,
  gemm: activations + packedMatrix + linearEpilogue + gemm,
  'gemm-int8': activations + linearEpilogue + gemmInt8,
  'latents-to-preview': latentsToPreview,
  norm,
  quantize,
  rearrange,
  'rgb-to-i420': rgbToI420,
  rope,
} as const;

export type ShaderName = keyof typeof SHADERS;
