import { expect, test } from "bun:test";
import { threadsFor } from "../../plugin/repair/scan.ts";

test.each([
  ["200,000 parts in 205 MB, no log", 2, { bytes: 205e6, records: 222_000 }, 2],
  ["1 GB, most of it events, 2 cores", 2, { bytes: 1e9, records: 83_000 }, 1],
  ["20 GB, most of it events, 8 cores", 8, { bytes: 20e9, records: 1_600_000 }, 3],
  ["files", 2, { bytes: 0, records: 0 }, 2],
  ["one core", 1, { bytes: 1e9, records: 83_000 }, 1],
] as const)(
  "%s: the check of the pages has a core where it takes longer than the scan",
  (_what, cores, size, threads) => {
    expect(threadsFor(cores, size)).toBe(threads);
  },
);
