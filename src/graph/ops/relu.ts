import { unaryOp } from './unary';

/** y = max(x, 0). */
export const relu = unaryOp('relu', () => (x) => (x < 0 ? 0 : x));
