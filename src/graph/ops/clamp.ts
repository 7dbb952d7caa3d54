import { unaryOp } from './unary';

/** y = min(max(x, min), max). */
export const clamp = unaryOp(
  'clamp',
  ({ min, max }) =>
    (x) =>
      x < min ? min : x > max ? max : x,
);
