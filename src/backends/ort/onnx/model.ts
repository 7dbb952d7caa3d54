/** An ONNX model as plain data: what the lowering makes and `encodeModel` writes. Field meanings: onnx.proto. */
export interface OnnxModel {
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operators, `com.microsoft` for ONNX Runtime's. */
  readonly domain: string;
  /** An empty name marks an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export type OnnxAttribute =
  | { readonly name: string; readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'string'; readonly value: string }
  | { readonly name: string; readonly kind: 'ints' | 'floats'; readonly value: readonly number[] };

/** TensorProto.DataType, by name. */
export const DATA_TYPES = { FLOAT: 1, UINT8: 2, INT8: 3, INT32: 6, INT64: 7, FLOAT16: 10 } as const;
export type OnnxDataType = keyof typeof DATA_TYPES;

/** A small constant whose bytes are in the model, or a weight whose bytes are in the external file `location`. */
export type OnnxTensor = {
  readonly name: string;
  readonly type: OnnxDataType;
  readonly dims: readonly number[];
} & ({ readonly raw: Uint8Array } | { readonly location: string; readonly sizeBytes: number });

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: OnnxDataType;
  /** A number is a fixed dimension, a string a symbolic one. */
  readonly dims: readonly (number | string)[];
}
