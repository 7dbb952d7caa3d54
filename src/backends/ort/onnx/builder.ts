import type { OnnxAttribute, OnnxDataType, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from './model';

/** ONNX's own operators, at a version that has Gelu and block-wise everything we use, and that ONNX Runtime 1.30 knows. */
const ONNX_OPSET = 21;
/** ONNX Runtime's contributed operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
export const CONTRIB = 'com.microsoft';

export interface NodeOptions {
  readonly attributes?: readonly OnnxAttribute[];
  readonly domain?: string;
}

/** A weight's bytes, fetched when the session is made. */
export interface ExternalWeight {
  readonly location: string;
  readonly sizeBytes: number;
  /** The weight's name in the source; several external weights may be made of one. */
  readonly of: string;
  readonly load: () => Promise<Uint8Array>;
}

const ELEMENT_BYTES: Readonly<Record<OnnxDataType, number>> = { FLOAT: 4, UINT8: 1, INT8: 1, INT32: 4, INT64: 8, FLOAT16: 2 };

/** Collects nodes, constants and external weights into one ONNX graph, naming as it goes. */
export class OnnxBuilder {
  readonly weights: ExternalWeight[] = [];
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #constants = new Map<string, string>();
  readonly #weightNames = new Set<string>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: OnnxDataType, dims: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, dims });
    return name;
  }

  output(name: string, type: OnnxDataType, dims: readonly (number | string)[]): void {
    this.#outputs.push({ name, type, dims });
  }

  /** Adds a node with one output, and returns its name. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodes(op, inputs, 1, options)[0]!;
  }

  /** Adds a node with `count` outputs. */
  nodes(op: string, inputs: readonly string[], count: number, options: NodeOptions = {}): string[] {
    const name = `${op}_${this.#nodes.length}`;
    const outputs = Array.from({ length: count }, (_, index) => (count === 1 ? name : `${name}.${index}`));
    this.#nodes.push({ name, op, domain: options.domain ?? '', inputs, outputs, attributes: options.attributes ?? [] });
    return outputs;
  }

  /** Gives a value the name that callers know it by. */
  alias(value: string, name: string): void {
    this.#nodes.push({
      name: `Identity_${this.#nodes.length}`,
      op: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [name],
      attributes: [],
    });
  }

  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#constant('FLOAT', dims, new Uint8Array(Float32Array.from(values).buffer), values.join(','));
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** `size` times the same value. */
  filled(value: number, size: number): string {
    return this.#constant('FLOAT', [size], new Uint8Array(new Float32Array(size).fill(value).buffer), `all ${value}`);
  }

  uint8(value: number): string {
    return this.#constant('UINT8', [], new Uint8Array([value]), String(value));
  }

  int64s(values: readonly number[]): string {
    return this.#constant('INT64', [values.length], new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer), values.join(','));
  }

  #constant(type: OnnxDataType, dims: readonly number[], raw: Uint8Array, text: string): string {
    const key = `${type} [${dims.join(',')}] ${text}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = `constant_${this.#constants.size}`;
      this.#constants.set(key, name);
      this.#initializers.push({ name, type, dims, raw });
    }
    return name;
  }

  /**
   * Declares a weight in external data, made of the weight `of` and named for how; one name is declared once. `load`
   * gives its little-endian bytes, row-major in `dims`.
   */
  weight(of: string, how: string, type: OnnxDataType, dims: readonly number[], load: () => Promise<Uint8Array>): string {
    const name = `${of} ${how}`;
    if (this.#weightNames.has(name)) return name;
    this.#weightNames.add(name);
    const sizeBytes = dims.reduce((product, dim) => product * dim, 1) * ELEMENT_BYTES[type];
    const location = `w${this.weights.length}`;
    this.weights.push({ location, sizeBytes, of, load });
    this.#initializers.push({ name, type, dims, location, sizeBytes });
    return name;
  }

  model(): OnnxModel {
    return {
      opsets: [
        { domain: '', version: ONNX_OPSET },
        { domain: CONTRIB, version: 1 },
      ],
      graph: {
        name: this.#name,
        nodes: this.#nodes,
        initializers: this.#initializers,
        inputs: this.#inputs,
        outputs: this.#outputs,
      },
    };
  }
}

export function int(name: string, value: number): OnnxAttribute {
  return { name, kind: 'int', value };
}

export function float(name: string, value: number): OnnxAttribute {
  return { name, kind: 'float', value };
}

export function ints(name: string, value: readonly number[]): OnnxAttribute {
  return { name, kind: 'ints', value };
}

export function text(name: string, value: string): OnnxAttribute {
  return { name, kind: 'string', value };
}
