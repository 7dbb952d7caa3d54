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
}

/** Names under which software renderers present themselves; `isFallbackAdapter` is not set by all of them. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

/** Asks the browser. Never throws: what is missing is in the facts. */
export async function detectDevice(scope: typeof globalThis = globalThis): Promise<DeviceFacts> {
  return {
    crossOriginIsolated: scope.crossOriginIsolated === true,
    processors: scope.navigator?.hardwareConcurrency ?? 1,
    webgpu: await detectWebGpu(scope),
  };
}

async function detectWebGpu(scope: typeof globalThis): Promise<DeviceFacts['webgpu']> {
  const nothing = (reason: string) => ({ available: false, adapter: null, software: false, reason });
  if (scope.isSecureContext === false) return nothing('WebGPU needs a page served over HTTPS or from localhost.');
  const gpu = scope.navigator?.gpu;
  if (!gpu) return nothing('This browser has no WebGPU.');
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) return nothing('This browser has WebGPU, but found no graphics adapter for it.');
    // Older browsers lack `info` or have the flag on the adapter itself.
    const info: Partial<GPUAdapterInfo> = adapter.info ?? {};
    const name = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ') || 'unnamed adapter';
    const software =
      info.isFallbackAdapter === true ||
      (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter === true ||
      SOFTWARE_NAMES.test(name);
    return {
      available: true,
      adapter: name,
      software,
      reason: software ? `WebGPU is emulated here (${name}).` : `WebGPU runs on ${name}.`,
    };
  } catch (error) {
    return nothing(`WebGPU failed to start: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
