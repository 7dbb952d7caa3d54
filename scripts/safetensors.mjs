const BYTES = { F32: 4, U8: 1 };

/** Writes one tensor as a safetensors file. */
export function encodeSafetensors(name, shape, bytes, dtype = 'F32') {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (bytes.length !== elements * BYTES[dtype]) throw new Error(`${bytes.length} bytes are not a tensor of ${shape.join(' x ')}.`);
  const json = JSON.stringify({ [name]: { dtype, shape, data_offsets: [0, bytes.length] } });
  // The header is padded with spaces to a multiple of 8, so that the data is aligned.
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8, ' '), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, bytes]);
}
