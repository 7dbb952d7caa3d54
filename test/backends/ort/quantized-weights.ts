import type { WeightInfo, WeightSource } from '../../../src/graph/types';
import { dequantize } from '../../../src/weights/quantization/dequantize';
import { quantizeQ4_0, quantizeQ8_0 } from '../../../src/weights/quantization/quantize';
import { randomFloats } from './op-cases';

/** Random weights stored in one quantized type; biases in f32. */
export function quantizedWeights(shapes: Readonly<Record<string, readonly number[]>>, type: 'Q8_0' | 'Q4_0', seed: number): WeightSource {
  const stored = new Map<string, { info: WeightInfo; bytes: Uint8Array }>();
  Object.entries(shapes).forEach(([name, shape], index) => {
    const values = randomFloats(
      shape.reduce((product, dim) => product * dim, 1),
      seed + index,
    );
    const packed = shape.length === 2 ? (type === 'Q8_0' ? quantizeQ8_0(values) : quantizeQ4_0(values)) : new Uint8Array(values.buffer);
    stored.set(name, { info: { name, shape, type: shape.length === 2 ? type : 'F32', sizeBytes: packed.byteLength }, bytes: packed });
  });
  const find = (name: string) => stored.get(name)!;
  return {
    has: (name) => stored.has(name),
    info: (name) => find(name).info,
    read: async (name) => find(name).bytes,
    readF32: async (name) => dequantize(find(name).info.type, find(name).bytes),
  };
}
