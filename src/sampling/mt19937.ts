const SIZE = 624;
const OFFSET = 397;

/** Mersenne Twister (Matsumoto and Nishimura, 1998), seeded by `init_genrand`: the generator behind torch's on the CPU. */
export class Mt19937 {
  readonly #state = new Uint32Array(SIZE);
  #index = SIZE;

  /** Only the low 32 bits of the seed count, as in torch. */
  constructor(seed: number | bigint) {
    this.#state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < SIZE; i++) {
      const previous = this.#state[i - 1]!;
      this.#state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** The next 32-bit word. */
  next32(): number {
    if (this.#index === SIZE) this.#twist();
    let y = this.#state[this.#index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** The low 53 bits of the next 64-bit word (its high half is drawn first), as a fraction in [0, 1). */
  nextFraction53(): number {
    const high = this.next32() & 0x1fffff;
    return (high * 2 ** 32 + this.next32()) / 2 ** 53;
  }

  /** The low 24 bits of the next word, as an f32 fraction in [0, 1). */
  nextFraction24(): number {
    return (this.next32() & 0xffffff) / 2 ** 24;
  }

  #twist(): void {
    const s = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % SIZE]! & 0x7fffffff);
      s[i] = s[(i + OFFSET) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}
