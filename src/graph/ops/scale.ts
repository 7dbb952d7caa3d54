import { unaryOp } from './unary';

/** y = x · factor. */
export const scale = unaryOp(
  'scale',
  ({ factor }) =>
    (x) =>
      x * factor,
);
