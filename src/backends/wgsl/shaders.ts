import attention from '../../../shaders/attention.wgsl?raw';
import combine from '../../../shaders/combine.wgsl?raw';
import conv2d from '../../../shaders/conv2d.wgsl?raw';
import elementwise from '../../../shaders/elementwise.wgsl?raw';
import embedding from '../../../shaders/embedding.wgsl?raw';
import gemm from '../../../shaders/gemm.wgsl?raw';
import norm from '../../../shaders/norm.wgsl?raw';
import rearrange from '../../../shaders/rearrange.wgsl?raw';
import rope from '../../../shaders/rope.wgsl?raw';

/** Every kernel's source, by name. */
export const SHADERS = { attention, combine, conv2d, elementwise, embedding, gemm, norm, rearrange, rope } as const;

export type ShaderName = keyof typeof SHADERS;
