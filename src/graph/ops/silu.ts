import { unaryOp } from './unary';

/** y = x / (1 + e^(−x)). */
export const silu = unaryOp('silu', () => (x) => x / (1 + Math.exp(-x)));
