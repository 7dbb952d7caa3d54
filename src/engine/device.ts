import { probeWebGpu, type WebGpuProbe } from '../backends/ort';
import type { NetworkBackends } from './types';

/** What the engine has found out about this device, before it chooses how to run. */
export interface DeviceFacts {
  readonly crossOriginIsolated: boolean;
  /** Logical processors, as the browser tells. */
  readonly processors: number;
  readonly webgpu: {
    /** Whether an adapter answered, hardware or software. */
    readonly available: boolean;
    /** The adapter in words, or null. */
    readonly adapter: string | null;
    /** Rendered on the CPU (SwiftShader, llvmpipe, WARP): 30 to 150 times slower than wasm. */
    readonly software: boolean;
    /** One sentence: what was found, or why there is nothing. */
    readonly reason: string;
  };
  /** Which backend was measured faster for these networks on this adapter; null before it has been measured. */
  readonly faster: Pick<NetworkBackends, 'textEncoder' | 'autoencoder'> | null;
}

/** Asks the browser. Never throws: what is missing is in the facts. */
export async function detectDevice(): Promise<Omit<DeviceFacts, 'faster'>> {
  const webgpu = globalThis.isSecureContext === false ? insecure() : await probeWebGpu();
  return {
    crossOriginIsolated: globalThis.crossOriginIsolated === true,
    processors: globalThis.navigator?.hardwareConcurrency ?? 1,
    webgpu: { ...webgpu, reason: webgpu.reason ?? `WebGPU runs on ${webgpu.adapter}.` },
  };
}

function insecure(): WebGpuProbe {
  return { available: false, adapter: null, software: false, reason: 'WebGPU needs a page served over HTTPS or from localhost.' };
}
