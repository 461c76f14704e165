const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The largest page size that SQLite allows. */
const LONGEST_PAGE = 65_536;

const MOST_PAGES = 100_000;

/**
 * Whether SQLite reads at least the first frame of a sealed log. It does so if the frame has the salts of the header.
 */
export function isInUse(bytes: Buffer): boolean {
  return isLog(bytes) && bytes.subarray(16, 24).equals(bytes.subarray(HEADER_BYTES + 8, HEADER_BYTES + 16));
}

/** Whether the bytes begin with the header of a write-ahead log. */
function isLog(bytes: Buffer): boolean {
  if (bytes.length < HEADER_BYTES || (bytes.readUInt32BE(0) & ~1) !== 0x377f0682) return false;
  const pageBytes = bytes.readUInt32BE(8);
  return pageBytes >= 512 && pageBytes <= LONGEST_PAGE && (pageBytes & (pageBytes - 1)) === 0;
}

/**
 * Returns a write-ahead log with correct checksums (sqlite.org/fileformat2.html, 4.2), because mutated bytes would
 * never have them by chance. Bytes that are not a log are not changed.
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
    // The numbers of pages are limited to those that a small database can have.
    for (const number of [at, at + 4]) log.writeUInt32BE(log.readUInt32BE(number) % MOST_PAGES, number);
    running = sum(at + FRAME_HEADER_BYTES, at + frameBytes, sum(at, at + 8, running));
    write(running, at + 16);
  }
  return log;
}
