import { unaryOp } from './unary';

/** y = tanh x. */
export const tanh = unaryOp('tanh', () => Math.tanh);
