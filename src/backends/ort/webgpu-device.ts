import { KinoraError } from '../../errors';

/** What WebGPU offers here. */
export interface WebGpuProbe {
  /** A device can be had, in hardware or in software. */
  readonly available: boolean;
  /** The adapter in words, or null without one. */
  readonly adapter: string | null;
  /** A fallback adapter: 30 to 150 times slower than WebAssembly, never to be chosen silently. */
  readonly software: boolean;
  /** Why there is none, or what limits the one there is; for the user. */
  readonly reason: string | null;
}

/** Subgroups narrower than this make ONNX Runtime 1.30's attention wrong (seen on SwiftShader, where they are 4 wide). */
const LEAST_SUBGROUP_SIZE = 8;

/** Looks for an adapter without making a device. */
export async function probeWebGpu(): Promise<WebGpuProbe> {
  const none = (reason: string): WebGpuProbe => ({ available: false, adapter: null, software: false, reason });
  if (typeof navigator === 'undefined' || !navigator.gpu) return none('This browser has no WebGPU.');
  let adapter: GPUAdapter | null;
  try {
    adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (error) {
    return none(`WebGPU failed to look for a graphics adapter: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!adapter) return none('WebGPU found no graphics adapter that it can use.');
  const software = isSoftware(adapter);
  return {
    available: true,
    adapter: describeAdapter(adapter),
    software,
    reason: software ? 'The only graphics adapter is emulated in software, which is slower than the CPU path.' : null,
  };
}

function isSoftware(adapter: GPUAdapter): boolean {
  const { info } = adapter;
  return (
    info.isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.vendor} ${info.architecture} ${info.device} ${info.description}`)
  );
}

/** Adapter info in words; browsers fill in some of its parts only. */
function describeAdapter(adapter: GPUAdapter): string {
  const { vendor, architecture, device, description } = adapter.info;
  return [vendor, architecture, device, description].filter((part) => part).join(' ') || 'unnamed adapter';
}

export interface OwnedDevice {
  readonly device: GPUDevice;
  readonly adapter: string;
  /** Whether the adapter runs on the CPU. */
  readonly software: boolean;
  readonly subgroups: boolean;
}

/** A device with the features and limits that ONNX Runtime uses. Throws `unsupported` where there is none. */
export async function requestWebGpuDevice(): Promise<OwnedDevice> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new KinoraError(
      'unsupported',
      'WebGPU found no graphics adapter that it can use.',
      'Choose the CPU, or turn on graphics acceleration in the browser.',
    );
  const subgroups = adapter.features.has('subgroups') && adapter.info.subgroupMinSize >= LEAST_SUBGROUP_SIZE;
  const features: GPUFeatureName[] = ['shader-f16', 'timestamp-query', ...(subgroups ? (['subgroups'] as const) : [])];
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
      maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
      maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    },
  });
  return { device, adapter: describeAdapter(adapter), software: isSoftware(adapter), subgroups };
}
