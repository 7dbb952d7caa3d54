import { binaryOp } from './broadcast';

/** y = a + b, with NumPy broadcasting. */
export const add = binaryOp('add', (a, b) => a + b);
