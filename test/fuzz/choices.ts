/**
 * Reads the bytes of a case. The first bytes decide how the other bytes are used. After the end, all bytes are zeros.
 */
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

  /** A copy of all bytes that were not read yet. */
  rest(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#at));
  }
}
