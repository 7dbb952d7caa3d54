/** A tensor of a golden file; integers and bytes are numbers too. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

const READERS: Record<string, (bytes: ArrayBuffer) => GoldenTensor['data']> = {
  F32: (bytes) => new Float32Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
  I64: (bytes) => Int32Array.from(new BigInt64Array(bytes), Number),
  U8: (bytes) => new Uint8Array(bytes),
};

/** Tensors of a trusted golden file by name. Apart from the strict parser of src/weights, which is under test itself. */
export function readSafetensors(file: Uint8Array): Map<string, GoldenTensor> {
  const headerSize = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerSize))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const body = Uint8Array.from(file.subarray(8 + headerSize)); // a copy: Node's Buffer.slice would not make one
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, { dtype, shape, data_offsets: offsets }]) => {
        const read = READERS[dtype];
        if (!read) throw new Error(`${name} is ${dtype}, which golden files do not use.`);
        return [name, { shape, data: read(body.slice(...offsets).buffer) }];
      }),
  );
}
