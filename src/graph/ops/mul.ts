import { binaryOp } from './broadcast';

/** y = a · b, with NumPy broadcasting. */
export const mul = binaryOp('mul', (a, b) => a * b);
