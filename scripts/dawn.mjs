/**
 * WebGPU in Node through Dawn (the `webgpu` package), on a Vulkan driver of choice. Which driver is decided by the loader when the first
 * instance is made, so one process serves one driver.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Software drivers, and where distributions put their manifests. `hardware` leaves the choice to the Vulkan loader. */
const DRIVERS = {
  swiftshader: {
    manifests: ['/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/lib/chromium-browser/vk_swiftshader_icd.json'],
    environment: 'KINORA_SWIFTSHADER_ICD',
    hint: 'it comes with Debian’s chromium; or name its vk_swiftshader_icd.json in KINORA_SWIFTSHADER_ICD',
  },
  lavapipe: {
    manifests: [
      '/usr/share/vulkan/icd.d/lvp_icd.json',
      '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
      '/usr/share/vulkan/icd.d/lvp_icd.aarch64.json',
    ],
    environment: 'KINORA_LAVAPIPE_ICD',
    hint: 'install mesa-vulkan-drivers 25 or newer; or name its lvp_icd.json in KINORA_LAVAPIPE_ICD',
  },
  hardware: { manifests: null, environment: null, hint: 'a Vulkan, Metal or Direct3D 12 driver is needed' },
};

/** Names of the drivers that `openDawn` knows. */
export const DRIVER_NAMES = Object.keys(DRIVERS);

/**
 * Makes `navigator.gpu` and WebGPU's constants global, on a driver of DRIVERS.
 *
 * @returns the adapter, or in words why there is none
 */
export async function openDawn(name) {
  const driver = DRIVERS[name];
  if (!driver) throw new Error(`There is no driver “${name}”: choose one of ${DRIVER_NAMES.join(', ')}.`);
  if (driver.manifests) {
    const manifest = [process.env[driver.environment], ...driver.manifests].find((path) => path && existsSync(path));
    if (!manifest) return { adapter: null, reason: `${name} is not installed: ${driver.hint}.` };
    process.env.VK_ICD_FILENAMES = manifest;
  }
  // Drivers look for a folder of their own and complain without one.
  if (!process.env.XDG_RUNTIME_DIR) {
    process.env.XDG_RUNTIME_DIR = join(tmpdir(), 'kinora-dawn');
    mkdirSync(process.env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
  }
  let dawn;
  try {
    dawn = await import('webgpu');
  } catch (error) {
    return { adapter: null, reason: `The webgpu package does not load here: ${error instanceof Error ? error.message : error}` };
  }
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  // Node 21 has a navigator whose properties can only be defined.
  if (!globalThis.navigator) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  return adapter ? { adapter, reason: null } : { adapter: null, reason: `Dawn finds no adapter on ${name}: ${driver.hint}.` };
}
