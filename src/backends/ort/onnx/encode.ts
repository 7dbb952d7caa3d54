import { Writer } from 'protobufjs/minimal';
import {
  DATA_TYPES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './model';

/*
 * Written field by field with protobufjs' Writer: its reflection compiles encoders with `Function`, which our content
 * security policy forbids. The numbers are onnx.proto's; a test decodes the result with that file.
 */

/** The newest IR that ONNX Runtime 1.30 reads without a warning, and that knows our operator sets. */
const IR_VERSION = 10;

const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

function tag(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

function writeMessage(writer: Writer, field: number, write: (writer: Writer) => void): void {
  writer.uint32(tag(field, BYTES)).fork();
  write(writer);
  writer.ldelim();
}

function writeString(writer: Writer, field: number, value: string): void {
  writer.uint32(tag(field, BYTES)).string(value);
}

function writeAttribute(writer: Writer, attribute: OnnxAttribute): void {
  writeString(writer, 1, attribute.name);
  switch (attribute.kind) {
    case 'float':
      writer.uint32(tag(2, FIXED32)).float(attribute.value);
      break;
    case 'int':
      writer.uint32(tag(3, VARINT)).int64(attribute.value);
      break;
    case 'string':
      writeString(writer, 4, attribute.value); // bytes and string look the same on the wire
      break;
    case 'floats':
      writeMessage(writer, 7, (packed) => attribute.value.forEach((value) => packed.float(value)));
      break;
    case 'ints':
      writeMessage(writer, 8, (packed) => attribute.value.forEach((value) => packed.int64(value)));
      break;
  }
  writer.uint32(tag(20, VARINT)).int32(ATTRIBUTE_TYPES[attribute.kind]);
}

function writeNode(writer: Writer, node: OnnxNode): void {
  node.inputs.forEach((name) => writeString(writer, 1, name));
  node.outputs.forEach((name) => writeString(writer, 2, name));
  writeString(writer, 3, node.name);
  writeString(writer, 4, node.op);
  node.attributes.forEach((attribute) => writeMessage(writer, 5, (message) => writeAttribute(message, attribute)));
  if (node.domain !== '') writeString(writer, 7, node.domain);
}

function writeEntry(writer: Writer, field: number, key: string, value: string): void {
  writeMessage(writer, field, (entry) => {
    writeString(entry, 1, key);
    writeString(entry, 2, value);
  });
}

function writeTensor(writer: Writer, tensor: OnnxTensor): void {
  if (tensor.dims.length > 0) writeMessage(writer, 1, (packed) => tensor.dims.forEach((dim) => packed.int64(dim)));
  writer.uint32(tag(2, VARINT)).int32(DATA_TYPES[tensor.type]);
  writeString(writer, 8, tensor.name);
  if ('raw' in tensor) {
    writer.uint32(tag(9, BYTES)).bytes(tensor.raw);
    return;
  }
  writeEntry(writer, 13, 'location', tensor.location);
  writeEntry(writer, 13, 'length', String(tensor.sizeBytes));
  writer.uint32(tag(14, VARINT)).int32(1); // DataLocation.EXTERNAL
}

function writeValueInfo(writer: Writer, info: OnnxValueInfo): void {
  writeString(writer, 1, info.name);
  writeMessage(writer, 2, (type) =>
    writeMessage(type, 1, (tensor) => {
      tensor.uint32(tag(1, VARINT)).int32(DATA_TYPES[info.type]);
      writeMessage(tensor, 2, (shape) => {
        for (const dim of info.dims)
          writeMessage(shape, 1, (dimension) => {
            if (typeof dim === 'number') dimension.uint32(tag(1, VARINT)).int64(dim);
            else writeString(dimension, 2, dim);
          });
      });
    }),
  );
}

function writeGraph(writer: Writer, graph: OnnxGraph): void {
  graph.nodes.forEach((node) => writeMessage(writer, 1, (message) => writeNode(message, node)));
  writeString(writer, 2, graph.name);
  graph.initializers.forEach((tensor) => writeMessage(writer, 5, (message) => writeTensor(message, tensor)));
  graph.inputs.forEach((info) => writeMessage(writer, 11, (message) => writeValueInfo(message, info)));
  graph.outputs.forEach((info) => writeMessage(writer, 12, (message) => writeValueInfo(message, info)));
}

/** The bytes of a `.onnx` file, without the external weights. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = Writer.create();
  writer.uint32(tag(1, VARINT)).int64(IR_VERSION);
  writeString(writer, 2, 'kinora');
  writeMessage(writer, 7, (graph) => writeGraph(graph, model.graph));
  for (const opset of model.opsets)
    writeMessage(writer, 8, (entry) => {
      if (opset.domain !== '') writeString(entry, 1, opset.domain);
      entry.uint32(tag(2, VARINT)).int64(opset.version);
    });
  return writer.finish();
}
