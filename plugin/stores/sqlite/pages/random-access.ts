import { openNow } from "../../../platform/read-now.ts";

/** A file that is read at any place. For files of our own: the copy of a damaged database. */
export interface RandomAccessFile {
  readonly size: number;
  /** Exactly `length` bytes; zeros where the file ends before. */
  read(offset: number, length: number): Buffer;
  /** Into a buffer that is used again; what lies past the end is zeros. */
  readInto(target: Buffer, offset: number): void;
  close(): void;
}

/** A file that is not there, as one without a byte. */
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
