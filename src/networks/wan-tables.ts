import { KinoraError } from '../errors';
import type { WanConfig } from './wan-config';

/** Base of both the timestep's sinusoid and rotary embedding (Vaswani et al., 2017). */
const BASE = 10000;

/**
 * The timesteps' sinusoids [timesteps, freqDim]: cosines first, then sines, of t · 10000^(−i / (freqDim / 2)).
 * Computed in f64 and rounded once: at t = 1000 an f32 angle is off by 3e-5 rad, and GPU sines by far more.
 */
export function timestepSinusoid(timesteps: readonly number[], freqDim: number): Float32Array {
  const half = freqDim / 2;
  const table = new Float32Array(timesteps.length * freqDim);
  timesteps.forEach((timestep, row) => {
    for (let i = 0; i < half; i++) {
      const angle = timestep * Math.exp((-Math.log(BASE) * i) / half);
      table[row * freqDim + i] = Math.cos(angle);
      table[row * freqDim + half + i] = Math.sin(angle);
    }
  });
  return table;
}

/** Channels of a head that turn with time, height and width: 44, 42, 42 of 128. What does not divide by 6 goes to time. */
export function ropeAxisDims(headDim: number): readonly [number, number, number] {
  const space = 2 * Math.floor(headDim / 6);
  return [headDim - 2 * space, space, space];
}

/**
 * Cosines and sines of rotary embedding, [frames · rows · columns, headDim / 2] each, in token order (time, row,
 * column); `rows` and `columns` count patches, not latent pixels. One column per interleaved pair: first time's,
 * then height's, then width's, with angles position · 10000^(−2i / axisDim). Throws `invalid-spec` beyond `maxPositions`.
 */
export function ropeTables(
  config: Pick<WanConfig, 'headDim' | 'maxPositions'>,
  frames: number,
  rows: number,
  columns: number,
): { cos: Float32Array; sin: Float32Array } {
  const sizes = [frames, rows, columns];
  if (Math.max(...sizes) > config.maxPositions)
    throw new KinoraError(
      'invalid-spec',
      `A clip of ${frames} × ${rows} × ${columns} patches is larger than the ${config.maxPositions} that this model can place on an axis.`,
      'Choose a smaller size or fewer frames.',
    );
  const axisDims = ropeAxisDims(config.headDim);
  const pairs = config.headDim / 2;
  const cos = new Float32Array(frames * rows * columns * pairs);
  const sin = new Float32Array(cos.length);
  let at = 0;
  for (let token = 0; token < frames * rows * columns; token++) {
    const positions = [Math.floor(token / (rows * columns)), Math.floor(token / columns) % rows, token % columns];
    for (const [axis, dim] of axisDims.entries())
      for (let i = 0; i < dim; i += 2, at++) {
        const angle = positions[axis]! / BASE ** (i / dim);
        cos[at] = Math.cos(angle);
        sin[at] = Math.sin(angle);
      }
  }
  return { cos, sin };
}
