import type { DeviceTensor } from '../graph/executor';

/** Tensors with a common end: whatever is still here when it comes, well or badly, is disposed of. */
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

  /** Disposes of one tensor now, if it is here. */
  release(tensor: DeviceTensor): void {
    if (this.#tensors.delete(tensor)) tensor.dispose();
  }

  /** Disposes of everything but these. */
  retain(kept: Iterable<DeviceTensor>): void {
    const keep = new Set(kept);
    for (const tensor of [...this.#tensors]) if (!keep.has(tensor)) this.release(tensor);
  }

  dispose(): void {
    this.retain([]);
  }
}
