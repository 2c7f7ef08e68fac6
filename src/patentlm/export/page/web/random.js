// The Mersenne Twister (Matsumoto & Nishimura 1998), which PyTorch draws from, too: the same seed
// writes the same text here and there.

const SIZE = 624;

export class MersenneTwister {
  constructor(seed) {
    this.state = new Uint32Array(SIZE);
    this.state[0] = seed;
    for (let at = 1; at < SIZE; at++) {
      const last = this.state[at - 1] ^ (this.state[at - 1] >>> 30);
      this.state[at] = Math.imul(1812433253, last) + at;
    }
    this.place = SIZE;
  }

  /** A whole number of 32 bits. */
  next() {
    if (this.place === SIZE) this.twist();
    let value = this.state[this.place++];
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  /** A number from 0 to below 1, of 53 random bits. */
  uniform() {
    const high = this.next() & 0x1fffff;
    return (high * 2 ** 32 + this.next()) / 2 ** 53;
  }

  twist() {
    const { state } = this;
    for (let at = 0; at < SIZE; at++) {
      const mixed = (state[at] & 0x80000000) | (state[(at + 1) % SIZE] & 0x7fffffff);
      state[at] = state[(at + 397) % SIZE] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.place = 0;
  }
}

/** The random numbers of one of the texts that `generate.py seed=…` writes. */
export function randomOf(seed, text = 0) {
  return new MersenneTwister(Number(BigInt.asUintN(32, BigInt(seed) * 1000003n + BigInt(text))));
}
