/** The bytes of a case: the first decide how the rest is used. Past the end there are zeros. */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.byte() % list.length];
    if (picked === undefined) throw new RangeError("nothing to pick from");
    return picked;
  }

  /** Everything that is left, in memory of its own. */
  rest(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at));
  }
}
