import { KinoraError } from '../errors';

const LABEL_MASK = 0x800000ff;
const VALUE_MASK = 0x7fffffff;

/**
 * SentencePiece's compiled normalisation rules (nmt_nfkc), a blob of: size of a trie in bytes (u32, little-endian), the trie as a
 * double array (darts-clone's units of 32 bits), and the replacements, zero-terminated UTF-8.
 *
 * Applied as Hugging Face's tokenizers do: a grapheme of under 6 bytes as a whole, if any rule matches a beginning of it; otherwise
 * character by character. The shortest matching rule replaces all of it, which is odd, but is what models are used with.
 */
export class PrecompiledMap {
  readonly #trie: Uint32Array;
  readonly #replacements: Uint8Array;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  readonly #graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

  /** Throws `invalid-file` when the sizes do not fit. */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const trieSizeBytes = blob.byteLength >= 4 ? view.getUint32(0, true) : -1;
    if (trieSizeBytes < 4 || trieSizeBytes % 4 !== 0 || 4 + trieSizeBytes > blob.byteLength)
      throw new KinoraError('invalid-file', "The tokenizer's normalisation map is damaged.", 'Fetch the model again from its publisher.');
    this.#trie = Uint32Array.from({ length: trieSizeBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
    this.#replacements = blob.subarray(4 + trieSizeBytes);
  }

  normalize(text: string): string {
    let result = '';
    for (const { segment } of this.#graphemes.segment(text)) {
      const bytes = this.#encoder.encode(segment);
      const whole = bytes.length < 6 ? this.#replacementFor(bytes) : null;
      if (whole !== null) result += whole;
      else for (const char of segment) result += this.#replacementFor(this.#encoder.encode(char)) ?? char;
    }
    return result;
  }

  /** The replacement of the shortest rule that is a prefix of `bytes`, or null. */
  #replacementFor(bytes: Uint8Array): string | null {
    let unit = this.#trie[0]!;
    let node = offsetOf(unit);
    for (const byte of bytes) {
      if (byte === 0) return null;
      node ^= byte;
      unit = this.#trie[node] ?? 0;
      if ((unit & LABEL_MASK) >>> 0 !== byte) return null;
      node ^= offsetOf(unit);
      if ((unit >>> 8) & 1) return this.#replacementAt((this.#trie[node] ?? 0) & VALUE_MASK);
    }
    return null;
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start);
    return this.#decoder.decode(this.#replacements.subarray(start, end === -1 ? undefined : end));
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
