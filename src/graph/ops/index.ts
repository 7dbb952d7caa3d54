import type { OpName } from '../types';
import { add } from './add';
import { attention } from './attention';
import { clamp } from './clamp';
import { concat } from './concat';
import { conv2d } from './conv2d';
import type { OpDefinition } from './definition';
import { embedding } from './embedding';
import { gatedAdd } from './gated-add';
import { gelu } from './gelu';
import { layerNorm } from './layer-norm';
import { linear } from './linear';
import { modulate } from './modulate';
import { mul } from './mul';
import { patchify } from './patchify';
import { pixelShuffle } from './pixel-shuffle';
import { pixelUnshuffle } from './pixel-unshuffle';
import { relu } from './relu';
import { reshape } from './reshape';
import { rmsNorm } from './rms-norm';
import { rope } from './rope';
import { scale } from './scale';
import { shiftFrames } from './shift-frames';
import { silu } from './silu';
import { slice } from './slice';
import { tanh } from './tanh';
import { transpose } from './transpose';
import { unpatchify } from './unpatchify';
import { upsampleNearest } from './upsample-nearest';
import { weight } from './weight';

/** Every op, by name. */
export const OPS: { readonly [Op in OpName]: OpDefinition<Op> } = {
  weight,
  linear,
  embedding,
  layerNorm,
  rmsNorm,
  modulate,
  gatedAdd,
  add,
  mul,
  scale,
  gelu,
  silu,
  relu,
  tanh,
  clamp,
  rope,
  attention,
  conv2d,
  upsampleNearest,
  pixelShuffle,
  pixelUnshuffle,
  shiftFrames,
  patchify,
  unpatchify,
  concat,
  slice,
  reshape,
  transpose,
};
