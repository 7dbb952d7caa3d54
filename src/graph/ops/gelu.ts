import { erf } from './erf';
import { unaryOp } from './unary';

const ROOT_TWO_OVER_PI = Math.sqrt(2 / Math.PI);

/**
 * 'none': y = x/2 · (1 + erf(x/√2)). 'tanh': y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))
 * (Hendrycks and Gimpel, Gaussian Error Linear Units, 2016).
 */
export const gelu = unaryOp('gelu', ({ approximate }) =>
  approximate === 'tanh'
    ? (x) => 0.5 * x * (1 + Math.tanh(ROOT_TWO_OVER_PI * (x + 0.044715 * x * x * x)))
    : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
);
