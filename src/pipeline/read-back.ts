import type { DeviceTensor, Executor } from '../graph/executor';

/** Copies tensors out, in one go where the executor can: on a GPU every read-back is a wait for all that was submitted before it. */
export async function readBack(executor: Executor, tensors: readonly DeviceTensor[]): Promise<(Float32Array | Int32Array)[]> {
  if (executor.downloadAll) return executor.downloadAll(tensors);
  const read: (Float32Array | Int32Array)[] = [];
  for (const tensor of tensors) read.push(await executor.download(tensor));
  return read;
}
