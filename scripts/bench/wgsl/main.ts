import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Precision } from '../../../src/graph/executor';
import { DRIVER_NAMES, openDawn } from '../../dawn.mjs';
import { workloads } from '../workloads';
import { measurePeaks } from './peaks';
import { measureRoofline } from './roofline';
import { wgslTables, type WgslFigures } from './tables';
import { timeGraph, type Subject } from './time-graph';
import { HARDWARE_BLOCKS, measureWanBlocks, SOFTWARE_BLOCKS } from './wan-blocks';

const USAGE = `Times Kinora's WGSL kernels through Dawn in Node, and prints Markdown.
  --driver NAME      ${DRIVER_NAMES.join(', ')} (default: hardware)
  --precision NAME   exact or fast (default: both on hardware, exact on software adapters)
  --parts LIST       of kernels, networks, blocks, separated by commas (default: all)
  --all              every configuration of every kernel, not only the defaults
  --tiles            on a software adapter: the kernels of hardware
  --model FOLDER     the bundled model, for networks (default: beside this program)
  --json FILE        write the raw figures`;

/** Runs the benchmark as `process.argv` says. `model` is the folder of the bundled model. */
export async function main(model: URL): Promise<void> {
  const { values } = parseArgs({
    options: {
      driver: { type: 'string', default: 'hardware' },
      precision: { type: 'string' },
      parts: { type: 'string', default: 'kernels,networks,blocks' },
      all: { type: 'boolean', default: false },
      tiles: { type: 'boolean', default: false },
      model: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const { adapter, reason } = await openDawn(values.driver);
  if (!adapter) throw new Error(reason ?? 'There is no adapter.');
  const { vendor, architecture, device: product, description, isFallbackAdapter } = adapter.info;
  const emulated = isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${architecture} ${product} ${description}`);
  if (values.driver === 'hardware' && emulated) throw new Error('The only adapter here is emulated in software: name it with --driver.');
  const features = (['shader-f16', 'subgroups', 'timestamp-query'] as const).filter((feature) => adapter.features.has(feature));
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const software = emulated && !values.tiles;
  const parts = new Set(values.parts.split(','));
  const precisions: Precision[] = values.precision ? [values.precision as Precision] : software ? ['exact'] : ['exact', 'fast'];
  const budgetMs = emulated ? 300 : 1000;
  const all: WgslFigures[] = [];
  for (const precision of precisions) {
    const device = await adapterAgain(features, { maxBufferSize, maxStorageBufferBindingSize });
    const subject: Subject = { device, adapter: [vendor, architecture, description].filter(Boolean).join(' '), software, precision };
    console.error(`measuring ${subject.adapter}, ${precision}`);
    const peaks = await measurePeaks(device, emulated);
    const sizes = emulated
      ? ({ rows: 80, width: 256, tokens: 80, heads: 2, pictures: [1, 32, 16] } as const)
      : ({ rows: 2160, width: 1536, tokens: 2160, heads: 12, pictures: [4, 64, 128] } as const);
    const roofline = parts.has('kernels') ? await measureRoofline(subject, peaks, sizes, { all: values.all, budgetMs }) : [];
    const networks: WgslFigures['networks'][number][] = [];
    if (parts.has('networks'))
      for (const { name, ...workload } of await workloads(values.model ? pathToFileURL(`${values.model}/`) : model))
        networks.push({ name, ...(await timeGraph(subject, workload, budgetMs)) });
    const blocks = parts.has('blocks') ? await measureWanBlocks(subject, emulated ? SOFTWARE_BLOCKS : HARDWARE_BLOCKS) : null;
    const figures = { adapter: subject.adapter, software: emulated, precision, peaks, roofline, networks, blocks };
    all.push(figures);
    console.log(`${wgslTables(figures)}\n`);
    device.destroy();
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
}

/** A device of an adapter of its own: an adapter gives one. */
async function adapterAgain(requiredFeatures: GPUFeatureName[], requiredLimits: Record<string, number>): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('The adapter has gone.');
  return adapter.requestDevice({ requiredFeatures, requiredLimits });
}
