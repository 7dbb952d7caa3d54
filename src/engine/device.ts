import { probeWebGpu, type WebGpuProbe } from '../backends/ort';
import { hashKernels } from '../backends/wgsl/tuning/hash-kernels';

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
  /** Adapter, browser and kernels, in one text: what measurements hold for. Null without an adapter. */
  readonly tuningKey: string | null;
}

/** Asks the browser. Never throws: what is missing is in the facts. */
export async function detectDevice(): Promise<DeviceFacts> {
  const webgpu = globalThis.isSecureContext === false ? insecure() : await probeWebGpu();
  return {
    crossOriginIsolated: globalThis.crossOriginIsolated === true,
    processors: globalThis.navigator?.hardwareConcurrency ?? 1,
    tuningKey: webgpu.available ? `${webgpu.adapter} | ${navigator.userAgent} | ${await hashKernels()}` : null,
    webgpu: { ...webgpu, reason: webgpu.reason ?? `WebGPU runs on ${webgpu.adapter}.` },
  };
}

function insecure(): WebGpuProbe {
  return { available: false, adapter: null, software: false, reason: 'WebGPU needs a page served over HTTPS or from localhost.' };
}
