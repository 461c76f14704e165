import { openNow } from "../../../platform/read-now.ts";

/**
 * A file that is read at any position. Inside opencode's process, this must not be used for opencode's database:
 * closing the file would drop opencode's locks.
 */
export interface RandomAccessFile {
  readonly size: number;
  /** Returns exactly `length` bytes. Where the file has ended, the bytes are zeros. */
  read(offset: number, length: number): Buffer;
  /** Fills a buffer with bytes from `offset` on. Where the file has ended, the bytes are zeros. */
  readInto(target: Buffer, offset: number): void;
  close(): void;
}

/** A file without bytes, which is used in place of a missing file. */
export const NO_FILE: RandomAccessFile = {
  size: 0,
  read: (_, length) => Buffer.alloc(length),
  readInto: (target) => void target.fill(0),
  close: () => undefined,
};

export function openRandomAccess(path: string): RandomAccessFile {
  const { size, read, close } = openNow(path);
  const readInto = (target: Buffer, offset: number): void => {
    let done = 0;
    while (done < target.length && offset + done < size) {
      const count = read(target, done, target.length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    target.fill(0, done);
  };
  return {
    size,
    readInto,
    read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      readInto(bytes, offset);
      return bytes;
    },
    close,
  };
}
