/** f32 values as little-endian bytes: their own memory on every machine but a big-endian one. */
export function littleEndianBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  else values.forEach((value, index) => view.setFloat32(index * 4, value, true));
  return bytes;
}
