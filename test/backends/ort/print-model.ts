import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const SCHEMA = fileURLToPath(new URL('../../../src/backends/ort/onnx/onnx.proto', import.meta.url));

interface Decoded {
  opsetImport: { domain?: string; version: number }[];
  irVersion: number;
  graph: {
    name: string;
    node: { input?: string[]; output: string[]; opType: string; domain?: string; attribute?: DecodedAttribute[] }[];
    initializer?: {
      name: string;
      dims?: number[];
      dataType: number;
      rawData?: Uint8Array;
      externalData?: { key: string; value: string }[];
      dataLocation?: string;
    }[];
    input: DecodedValue[];
    output: DecodedValue[];
  };
}
interface DecodedAttribute {
  name: string;
  type: string;
  f?: number;
  i?: number;
  s?: Uint8Array;
  floats?: number[];
  ints?: number[];
}
interface DecodedValue {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim?: { dimValue?: number; dimParam?: string }[] } } };
}

/** An emitted model, decoded with ONNX's schema and written as text, one node a line. */
export function printModel(bytes: Uint8Array): string {
  const root = protobuf.parse(readFileSync(SCHEMA, 'utf8')).root;
  const ModelProto = root.lookupType('onnx.ModelProto');
  const types = root.lookupEnum('onnx.TensorProto.DataType').valuesById;
  const model = ModelProto.toObject(ModelProto.decode(bytes), { longs: Number, enums: String, bytes: Uint8Array }) as unknown as Decoded;
  const value = ({ name, type: { tensorType } }: DecodedValue) =>
    `${name} ${types[tensorType.elemType]} [${(tensorType.shape.dim ?? []).map((dim) => dim.dimParam ?? dim.dimValue).join(', ')}]`;
  const { graph } = model;
  return [
    `${graph.name}: ir ${model.irVersion}, ${model.opsetImport.map(({ domain, version }) => `${domain || 'onnx'} ${version}`).join(', ')}`,
    `(${graph.input.map(value).join(', ')})`,
    ...(graph.initializer ?? []).map((tensor) => {
      const external = tensor.externalData?.map(({ key, value: text }) => `${key} ${text}`).join(', ');
      const where = tensor.dataLocation === 'EXTERNAL' ? external : `bytes ${Buffer.from(tensor.rawData!).toString('hex')}`;
      return `  ${tensor.name}: ${types[tensor.dataType]} [${(tensor.dims ?? []).join(', ')}] ${where}`;
    }),
    ...graph.node.map((node) => {
      const attributes = (node.attribute ?? []).map((attribute) => `${attribute.name}=${printAttribute(attribute)}`).join(' ');
      const inputs = (node.input ?? []).map((name) => (name === '' ? '-' : name)).join(', ');
      return `  ${node.output.join(', ')} = ${node.domain ? `${node.domain}.` : ''}${node.opType}(${inputs})${attributes ? ` ${attributes}` : ''}`;
    }),
    `→ ${graph.output.map(value).join(', ')}`,
  ].join('\n');
}

function printAttribute({ type, f, i, s, floats, ints }: DecodedAttribute): string {
  switch (type) {
    case 'FLOAT':
      return `${f}f`;
    case 'INT':
      return `${i ?? 0}`;
    case 'STRING':
      return new TextDecoder().decode(s);
    case 'FLOATS':
      return `[${floats!.join(', ')}]f`;
    case 'INTS':
      return `[${ints!.join(', ')}]`;
    default:
      throw new Error(`attribute of type ${type}`);
  }
}
