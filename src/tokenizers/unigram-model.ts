/** How far below the worst piece an unknown character lies (SentencePiece's kUnkPenalty). */
const UNKNOWN_PENALTY = 10;

/**
 * A Unigram language model (Kudo 2018): the segmentation of a word into pieces with the greatest sum of log probabilities, by
 * Viterbi over characters. Neighbouring unknown characters are joined and spelled in bytes, or become one unknown id.
 */
export class UnigramModel {
  readonly #ids = new Map<string, number>();
  readonly #scores: Float64Array;
  readonly #unknownId: number;
  readonly #unknownScore: number;
  readonly #longest: number;
  /** Ids of `<0x00>` to `<0xFF>`, or null without byte fallback. */
  readonly #byteIds: readonly number[] | null;
  readonly #encoder = new TextEncoder();

  constructor(pieces: readonly (readonly [piece: string, score: number])[], unknownId: number, byteFallback: boolean) {
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    let longest = 1;
    pieces.forEach(([piece], id) => {
      this.#ids.set(piece, id);
      longest = Math.max(longest, piece.length);
    });
    this.#longest = longest;
    this.#unknownId = unknownId;
    this.#unknownScore = this.#scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    const byteIds = Array.from({ length: 256 }, (_, byte) => this.#ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
    this.#byteIds = byteFallback && byteIds.every((id) => id !== undefined) ? byteIds : null;
  }

  idOf(piece: string): number | undefined {
    return this.#ids.get(piece);
  }

  /** Ids of one pre-tokenized word. */
  encode(word: string): number[] {
    const ids: number[] = [];
    let unknown = '';
    for (const { id, piece } of [...this.#bestPath(word), null].map((step) => step ?? { id: -1, piece: '' })) {
      if (id === this.#unknownId) {
        unknown += piece;
        continue;
      }
      if (unknown !== '') ids.push(...this.#spell(unknown));
      unknown = '';
      if (id >= 0) ids.push(id);
    }
    return ids;
  }

  #spell(unknown: string): number[] {
    const known = this.#ids.get(unknown);
    if (known !== undefined) return [known];
    return this.#byteIds ? Array.from(this.#encoder.encode(unknown), (byte) => this.#byteIds![byte]!) : [this.#unknownId];
  }

  #bestPath(word: string): { id: number; piece: string }[] {
    // Indices are UTF-16 units; only boundaries between characters are ever reached.
    const best = new Float64Array(word.length + 1).fill(-Infinity);
    const from = new Int32Array(word.length + 1);
    const idAt = new Int32Array(word.length + 1);
    best[0] = 0;
    const offer = (start: number, end: number, id: number, score: number): void => {
      if (best[start]! + score <= best[end]!) return; // the earlier of two equal paths stays
      best[end] = best[start]! + score;
      from[end] = start;
      idAt[end] = id;
    };
    for (let start = 0; start < word.length;) {
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      const limit = Math.min(word.length, start + this.#longest);
      for (let end = next; end <= limit; end++) {
        const id = this.#ids.get(word.slice(start, end));
        if (id !== undefined) offer(start, end, id, this.#scores[id]!);
      }
      if (!this.#ids.has(word.slice(start, next))) offer(start, next, this.#unknownId, this.#unknownScore);
      start = next;
    }
    const path: { id: number; piece: string }[] = [];
    for (let end = word.length; end > 0; end = from[end]!) path.push({ id: idAt[end]!, piece: word.slice(from[end], end) });
    return path.reverse();
  }
}
