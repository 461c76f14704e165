import type { RandomAccessFile } from "../../plugin/stores/sqlite/pages/random-access.ts";

/** Bytes in memory as a file with random access. */
export function memoryFile(bytes: Buffer): RandomAccessFile {
  const readInto = (target: Buffer, offset: number): void => {
    target.fill(0, bytes.copy(target, 0, Math.min(offset, bytes.length)));
  };
  return {
    size: bytes.length,
    readInto,
    read(offset, length) {
      const target = Buffer.alloc(length);
      readInto(target, offset);
      return target;
    },
    close: () => undefined,
  };
}
