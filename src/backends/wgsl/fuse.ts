import { equalShapes } from '../../graph/dims';
import type { Graph, Node, OpName, Value } from '../../graph/types';

type NodeOf<Op extends OpName> = Extract<Node, { op: Op }>;

/** Ops that one kernel carries out together. The last node's output is the only one that exists. */
export type Group =
  | {
      readonly kind: 'linear';
      readonly linear: NodeOf<'linear'>;
      readonly activation?: NodeOf<'gelu' | 'silu' | 'relu'>;
      readonly residual?: NodeOf<'gatedAdd' | 'add'>;
      readonly output: Value;
    }
  | {
      readonly kind: 'norm';
      readonly norm: NodeOf<'layerNorm' | 'rmsNorm'>;
      readonly modulate?: NodeOf<'modulate'>;
      readonly rope?: NodeOf<'rope'>;
      readonly output: Value;
    }
  | {
      readonly kind: 'conv2d';
      readonly conv: NodeOf<'conv2d'>;
      readonly upsample?: NodeOf<'upsampleNearest'>;
      readonly concat?: NodeOf<'concat'>;
      readonly shift?: NodeOf<'shiftFrames'>;
      readonly residual?: NodeOf<'add'>;
      readonly relu?: NodeOf<'relu'>;
      readonly shuffle?: NodeOf<'pixelShuffle'>;
      readonly clamp?: NodeOf<'clamp'>;
      readonly output: Value;
    }
  | { readonly kind: 'single'; readonly node: Node; readonly output: Value };

/**
 * Groups a graph's nodes into kernels, in an order in which every group's inputs exist:
 * linear + activation + residual, norm + modulate or rope, and for convolutions the concatenation, frame shift or enlargement before
 *  and the residual, ReLU, pixel shuffle and clamp behind. A value that anything else reads, or that is an output, is never fused away.
 */
export function fuse(graph: Graph): readonly Group[] {
  const readers = new Map<Value, Node[]>();
  const producers = new Map<Value, Node>();
  for (const node of graph.nodes) {
    producers.set(node.output, node);
    for (const value of node.inputs) readers.set(value, [...(readers.get(value) ?? []), node]);
  }
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const taken = new Set<Node>();
  /** The one node that reads a value, where nothing else does. */
  const soleReader = (value: Value): Node | undefined => {
    const [reader, ...others] = readers.get(value) ?? [];
    return others.length === 0 && !outputs.has(value) && reader && !taken.has(reader) ? reader : undefined;
  };
  /** The node that made a value, where only one reader takes it. */
  const soleSource = (value: Value): Node | undefined =>
    (readers.get(value)?.length ?? 0) === 1 && !outputs.has(value) ? producers.get(value) : undefined;

  const convolutions = new Map<Node, { upsample?: NodeOf<'upsampleNearest'>; concat?: NodeOf<'concat'>; shift?: NodeOf<'shiftFrames'> }>();
  for (const node of graph.nodes) {
    if (node.op !== 'conv2d') continue;
    const source = soleSource(node.inputs[0]!);
    if (source?.op === 'upsampleNearest') {
      convolutions.set(node, { upsample: source });
      taken.add(source);
    } else if (source?.op === 'concat' && source.attributes.axis === 1 && source.inputs.length === 2) {
      // A shifted second half has the frame before only where the memory is as wide as the clip's frames: always, by shape inference.
      const shift = producers.get(source.inputs[1]!);
      const shifted =
        shift?.op === 'shiftFrames' && shift.inputs[0] === source.inputs[0] && soleSource(source.inputs[1]!) === shift ? shift : undefined;
      convolutions.set(node, { concat: source, ...(shifted ? { shift: shifted } : {}) });
      taken.add(source);
      if (shifted) taken.add(shifted);
    }
  }

  const groups: { at: number; group: Group }[] = [];
  const place = new Map(graph.nodes.map((node, index) => [node, index]));
  for (const node of graph.nodes) {
    if (taken.has(node)) continue;
    taken.add(node);
    let last: Node = node;
    /** Takes the sole reader of what there is so far into the group, where it fits. */
    const absorb = <Op extends OpName>(ops: readonly Op[], fits: (reader: NodeOf<Op>) => boolean = () => true): NodeOf<Op> | undefined => {
      const reader = soleReader(last.output) as NodeOf<Op> | undefined;
      if (!reader || !(ops as readonly OpName[]).includes(reader.op) || !fits(reader)) return undefined;
      taken.add(reader);
      last = reader;
      return reader;
    };
    const sameShapes = (reader: Node) =>
      equalShapes(reader.inputs[0]!.shape, reader.inputs[1]!.shape) && reader.inputs[0] !== reader.inputs[1];
    let group: Group;
    if (node.op === 'linear') {
      const activation = absorb(['gelu', 'silu', 'relu']);
      const residual = absorb(
        ['gatedAdd', 'add'],
        (reader) => sameShapes(reader) && (reader.op === 'add' || reader.inputs[1] === last.output),
      );
      group = {
        kind: 'linear',
        linear: node,
        ...(activation ? { activation } : {}),
        ...(residual ? { residual } : {}),
        output: last.output,
      };
    } else if (node.op === 'layerNorm') {
      const modulate = absorb(['modulate'], (reader) => reader.inputs[0] === node.output);
      group = { kind: 'norm', norm: node, ...(modulate ? { modulate } : {}), output: last.output };
    } else if (node.op === 'rmsNorm') {
      const rope = absorb(['rope'], (reader) => reader.inputs[0] === node.output);
      group = { kind: 'norm', norm: node, ...(rope ? { rope } : {}), output: last.output };
    } else if (node.op === 'conv2d') {
      const residual = absorb(['add'], sameShapes);
      const relu = absorb(['relu']);
      const shuffle = absorb(['pixelShuffle']);
      const clamp = absorb(['clamp']);
      group = {
        kind: 'conv2d',
        conv: node,
        ...convolutions.get(node),
        ...(residual ? { residual } : {}),
        ...(relu ? { relu } : {}),
        ...(shuffle ? { shuffle } : {}),
        ...(clamp ? { clamp } : {}),
        output: last.output,
      };
    } else group = { kind: 'single', node, output: node.output };
    groups.push({ at: place.get(last)!, group });
  }
  return groups.sort((a, b) => a.at - b.at).map(({ group }) => group);
}
