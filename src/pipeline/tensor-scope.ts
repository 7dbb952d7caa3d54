import type { DeviceTensor } from '../graph/executor';

/** The tensors of one call: whatever is still here when it ends, well or badly, is disposed of. */
export class TensorScope {
  readonly #tensors = new Set<DeviceTensor>();

  own<T extends DeviceTensor>(tensor: T): T {
    this.#tensors.add(tensor);
    return tensor;
  }

  ownAll<T extends Readonly<Record<string, DeviceTensor>>>(tensors: T): T {
    for (const tensor of Object.values(tensors)) this.own(tensor);
    return tensors;
  }

  /** Disposes of tensors that are no longer needed; those that are not in this scope stay. */
  release(tensors: Iterable<DeviceTensor>): void {
    for (const tensor of tensors) if (this.#tensors.delete(tensor)) tensor.dispose();
  }

  dispose(): void {
    this.release([...this.#tensors]);
  }
}
