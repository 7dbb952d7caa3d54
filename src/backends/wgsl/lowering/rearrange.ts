import { invalidGraph } from '../../../graph/errors';
import type { Node, Value } from '../../../graph/types';
import { linearGroups, type Kernel, type Operand } from '../kernel';
import { windowFor } from '../window';
import { product, type LoweringContext } from './context';
import { boxesWithin, type Axis, type Box } from './view-boxes';

const MAX_AXES = 8;

/** Row-major strides. */
function contiguous(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

function view(from: Operand, output: Value, axes: readonly Axis[], offset = 0, outOffset = 0): Kernel {
  if (axes.length > MAX_AXES)
    throw invalidGraph(`A view of ${axes.length} axes has no kernel: up to ${MAX_AXES} have.`, 'Choose another backend.');
  const pad = (values: readonly number[], filler: number) => [...new Array<number>(MAX_AXES - values.length).fill(filler), ...values];
  const of = (key: 'from' | 'to') => axes.map((axis) => axis[key]);
  const divide = axes.map((axis) => axis.divide ?? 1);
  const kernelOf = (sizes: readonly number[], start: number, outStart: number) => {
    const count = product(sizes);
    return {
      params: [...pad(sizes, 1), ...pad(of('from'), 0), ...pad(divide, 1), ...pad(of('to'), 0), start, outStart, count],
      groups: linearGroups(count, 256),
      work: 16 * count,
    };
  };
  const sizes = axes.map(({ size }) => size);
  const outer = axes.findIndex((axis) => isOutermost(axis, axes));
  const whole: Kernel = {
    shader: 'rearrange',
    defines: {},
    reads: { 1: from },
    output: { binding: 2, value: output },
    ...kernelOf(sizes, offset, outOffset),
    ...(outer < 0
      ? {}
      : {
          split: {
            rows: sizes[outer]!,
            rowBytes: { 1: 4 * axes[outer]!.from, 2: 4 * axes[outer]!.to },
            start: { 1: 4 * offset, 2: 4 * outOffset },
            part: (_: number, count: number, leads: Readonly<Record<number, number>>) =>
              kernelOf(sizes.with(outer, count), leads[1]! / 4, leads[2]! / 4),
          },
        }),
  };
  const boxKernel = ({ sizes: own, from: source, to }: Box): Kernel => {
    const x = windowFor(from, offset + source.first, offset + source.first + source.count);
    const y = windowFor(whole.output, outOffset + to.first, outOffset + to.first + to.count);
    return {
      ...whole,
      split: undefined,
      reads: { 1: x.operand },
      output: y.operand,
      ...kernelOf(own, offset + source.first - x.start, outOffset + to.first - y.start),
    };
  };
  return { ...whole, divide: (bindingBytes) => boxesWithin(axes, bindingBytes).map(boxKernel) };
}

/** Whether all that an axis has at one coordinate lies before what it has at the next, on both sides: then it may be cut. */
function isOutermost(axis: Axis, axes: readonly Axis[]): boolean {
  const spans = (key: 'from' | 'to') =>
    axes.reduce(
      (sum, other) => (other === axis ? sum : sum + Math.floor((other.size - 1) / (key === 'from' ? (other.divide ?? 1) : 1)) * other[key]),
      0,
    );
  return axis.size > 1 && (axis.divide ?? 1) === 1 && spans('from') < axis.from && spans('to') < axis.to;
}

/** Axes of sizes `sizes`, read with strides `from`, written in the order of `order` contiguously. */
function permuted(sizes: readonly number[], from: readonly number[], order: readonly number[]): Axis[] {
  const to = contiguous(order.map((axis) => sizes[axis]!));
  return order.map((axis, place) => ({ size: sizes[axis]!, from: from[axis]!, to: to[place]! }));
}

type Rearrangement =
  | 'reshape'
  | 'weight'
  | 'transpose'
  | 'slice'
  | 'concat'
  | 'upsampleNearest'
  | 'pixelShuffle'
  | 'pixelUnshuffle'
  | 'shiftFrames'
  | 'patchify'
  | 'unpatchify';

/** Ops that only move elements, as strided copies. */
export function lowerRearrangement(node: Extract<Node, { op: Rearrangement }>, context: LoweringContext): readonly Kernel[] {
  const shape = context.shape(node.output);
  const output = node.output;
  const input = node.inputs[0];
  const from = context.operand(input ?? output);
  const sizes = input ? context.shape(input) : shape;
  const strides = contiguous(sizes);
  switch (node.op) {
    case 'reshape':
    case 'weight':
      return [view(from, output, [{ size: product(shape), from: 1, to: 1 }])];
    case 'transpose':
      return [view(from, output, permuted(sizes, strides, node.attributes.permutation))];
    case 'slice': {
      const { axis, start } = node.attributes;
      const first = start < 0 ? sizes[axis]! + start : start;
      const to = contiguous(shape);
      return [
        view(
          from,
          output,
          shape.map((size, at) => ({ size, from: strides[at]!, to: to[at]! })),
          first * strides[axis]!,
        ),
      ];
    }
    case 'concat': {
      const { axis } = node.attributes;
      const to = contiguous(shape);
      let offset = 0;
      return node.inputs.map((part) => {
        const partSizes = context.shape(part);
        const partStrides = contiguous(partSizes);
        const kernel = view(
          context.operand(part),
          output,
          partSizes.map((size, at) => ({ size, from: partStrides[at]!, to: to[at]! })),
          0,
          offset,
        );
        offset += partSizes[axis]! * to[axis]!;
        return kernel;
      });
    }
    case 'upsampleNearest': {
      const to = contiguous(shape);
      return [
        view(
          from,
          output,
          shape.map((size, at) => ({ size, from: strides[at]!, to: to[at]!, divide: at < 2 ? 1 : node.attributes.factor })),
        ),
      ];
    }
    case 'pixelShuffle': {
      const r = node.attributes.factor;
      const [frames, channels, height, width] = sizes as [number, number, number, number];
      const split = [frames, channels / r ** 2, r, r, height, width];
      return [view(from, output, permuted(split, contiguous(split), [0, 1, 4, 2, 5, 3]))];
    }
    case 'pixelUnshuffle': {
      const r = node.attributes.factor;
      const [frames, channels, height, width] = sizes as [number, number, number, number];
      const split = [frames, channels, height / r, r, width / r, r];
      return [view(from, output, permuted(split, contiguous(split), [0, 1, 3, 5, 2, 4]))];
    }
    case 'shiftFrames': {
      const frame = product(sizes.slice(1));
      const memory = view(context.operand(node.inputs[1]!), output, [{ size: frame, from: 1, to: 1 }]);
      const rest = (sizes[0]! - 1) * frame;
      return rest === 0 ? [memory] : [memory, view(from, output, [{ size: rest, from: 1, to: 1 }], 0, frame)];
    }
    case 'patchify': {
      const p = node.attributes.patch;
      const [channels, frames, height, width] = sizes as [number, number, number, number];
      const split = [channels, frames, height / p, p, width / p, p];
      return [view(from, output, permuted(split, contiguous(split), [1, 2, 4, 0, 3, 5]))];
    }
    case 'unpatchify': {
      const p = node.attributes.patch;
      const [channels, frames, height, width] = shape as [number, number, number, number];
      const split = [frames, height / p, width / p, p, p, channels];
      return [view(from, output, permuted(split, contiguous(split), [5, 0, 1, 3, 2, 4]))];
    }
  }
}
