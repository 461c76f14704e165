import { openNow } from "../../../platform/read-now.ts";

/** A file that is read at any position. Only for files of this tool: the copy of a damaged database. */
export interface RandomAccessFile {
  readonly size: number;
  /** Returns exactly `length` bytes. Bytes after the end of the file are zeros. */
  read(offset: number, length: number): Buffer;
  /** Reads into a reusable buffer. Bytes after the end of the file are zeros. */
  readInto(target: Buffer, offset: number): void;
  close(): void;
}

/** This object replaces a missing file: it has no bytes. */
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
