import { SHADERS } from '../shaders';
import { attentionConfigurations } from './attention';
import { convolutionConfigurations } from './conv2d';
import { gemmConfigurations } from './gemm';

let hash: Promise<string> | undefined;

/** SHA-256 of all kernels' text and the names of their configurations, in hexadecimal, shortened: what measurements of them hold for. */
export function hashKernels(): Promise<string> {
  return (hash ??= computeHash());
}

async function computeHash(): Promise<string> {
  const configurations = [true, false].map((software) => {
    const traits = { software, f16: true, int8: true, subgroups: 32 };
    return [
      [1, 32, 128].map((rows) => gemmConfigurations(traits, rows, true)),
      [64, 128].map((dim) => attentionConfigurations(traits, dim)),
      convolutionConfigurations(traits),
    ];
  });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify([SHADERS, configurations])));
  return Array.from(new Uint8Array(digest).subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
