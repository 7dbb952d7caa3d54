import { GraphBuilder } from '../../graph/builder';
import type { WeightSource } from '../../graph/types';
import { compileGraph, type Backend } from './compile';

const TOKENS = 64;
const HEADS = 2;
const HEAD_DIM = 16;
/** Far above f32 and f16 rounding, far below what a broken kernel makes. */
const LARGEST_ERROR = 1e-2;

const NO_WEIGHTS: WeightSource = {
  has: () => false,
  info: (name) => {
    throw new Error(`no weight ${name}`);
  },
  read: () => Promise.reject(new Error('no weights')),
  readF32: () => Promise.reject(new Error('no weights')),
};

/**
 * Whether the fused attention kernel is right on this device: ONNX Runtime 1.30 gives garbage above 31 tokens where
 * subgroups are 4 wide, so one attention over 64 tokens is compared with the same sum done here.
 */
export async function fusedAttentionWorks(backend: Backend): Promise<boolean> {
  const width = HEADS * HEAD_DIM;
  const builder = new GraphBuilder('attention-check', NO_WEIGHTS);
  const [q, k, v] = ['q', 'k', 'v'].map((name) => builder.input(name, ['N', width]));
  builder.output('y', builder.attention(q!, k!, v!, { heads: HEADS, scale: HEAD_DIM ** -0.5 }));
  const inputs = [1, 2, 3].map((seed) =>
    Float32Array.from({ length: TOKENS * width }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 1.5),
  );
  const compiled = await compileGraph(backend, builder.build(), NO_WEIGHTS, {});
  const tensors = inputs.map((data) => backend.memory.upload(data, [TOKENS, width]));
  try {
    const { y } = await compiled.run({ q: tensors[0]!, k: tensors[1]!, v: tensors[2]! });
    const actual = await backend.memory.download(y as never);
    y!.dispose();
    const expected = attend(inputs[0]!, inputs[1]!, inputs[2]!);
    return expected.every((value, i) => Math.abs(value - actual[i]!) <= LARGEST_ERROR); // false for NaN
  } finally {
    tensors.forEach((tensor) => tensor.dispose());
    await compiled.dispose();
  }
}

function attend(q: Float32Array, k: Float32Array, v: Float32Array): Float32Array {
  const width = HEADS * HEAD_DIM;
  const y = new Float32Array(q.length);
  for (let head = 0; head < HEADS; head++)
    for (let i = 0; i < TOKENS; i++) {
      const at = head * HEAD_DIM;
      const scores = Array.from({ length: TOKENS }, (_, j) => {
        let dot = 0;
        for (let d = 0; d < HEAD_DIM; d++) dot += q[i * width + at + d]! * k[j * width + at + d]!;
        return Math.exp(dot * HEAD_DIM ** -0.5);
      });
      const total = scores.reduce((sum, score) => sum + score, 0);
      for (let d = 0; d < HEAD_DIM; d++)
        y[i * width + at + d] = scores.reduce((sum, score, j) => sum + score * v[j * width + at + d]!, 0) / total;
    }
  return y;
}
