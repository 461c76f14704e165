const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Longer pages than this are none of SQLite's. */
const LONGEST_PAGE = 65_536;

const MOST_PAGES = 100_000;

/** Whether SQLite reads at least the first frame of a sealed log: it was not begun again since. */
export function isInUse(bytes: Buffer): boolean {
  return isLog(bytes) && bytes.subarray(16, 24).equals(bytes.subarray(HEADER_BYTES + 8, HEADER_BYTES + 16));
}

/** Whether bytes begin as a write-ahead log does. */
function isLog(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES || (bytes.readUInt32BE(0) & ~1) !== 0x377f0682) return false;
  const pageBytes = bytes.readUInt32BE(8);
  return pageBytes >= 512 && pageBytes <= LONGEST_PAGE && (pageBytes & (pageBytes - 1)) === 0;
}

/**
 * A write-ahead log with the checksums that its bytes should have (sqlite.org/fileformat2.html, 4.2): no mutation would
 * ever get these right by itself. What is not a log stays as it is.
 */
export function sealedLog(bytes: Buffer): Buffer {
  const log = Buffer.from(bytes);
  if (!isLog(log)) return log;
  const pageBytes = log.readUInt32BE(8);
  const isBigEndian = (log.readUInt32BE(0) & 1) === 1;
  const sum = (from: number, to: number, [first, second]: readonly [number, number]): [number, number] => {
    let [a, b] = [first, second];
    for (let at = from; at < to; at += 8) {
      a = (a + (isBigEndian ? log.readUInt32BE(at) : log.readUInt32LE(at)) + b) >>> 0;
      b = (b + (isBigEndian ? log.readUInt32BE(at + 4) : log.readUInt32LE(at + 4)) + a) >>> 0;
    }
    return [a, b];
  };
  const write = ([a, b]: readonly [number, number], at: number) => log.writeUInt32BE(b, log.writeUInt32BE(a, at));
  let running = sum(0, 24, [0, 0]);
  write(running, 24);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  for (let at = HEADER_BYTES; at + frameBytes <= log.length; at += frameBytes) {
    // Numbers of pages that a database may have.
    for (const number of [at, at + 4]) log.writeUInt32BE(log.readUInt32BE(number) % MOST_PAGES, number);
    running = sum(at + FRAME_HEADER_BYTES, at + frameBytes, sum(at, at + 8, running));
    write(running, at + 16);
  }
  return log;
}
