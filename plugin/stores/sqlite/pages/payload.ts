import type { Payload } from "./btree-page.ts";
import type { PageImage } from "./page-image.ts";
import { readRecord, readRecordHeader, type SqliteRecord } from "./record.ts";

export interface ReadPayload {
  readonly bytes: Buffer;
  /** Whether every overflow page was found, up to the end of the chain. */
  readonly isWhole: boolean;
  /** The overflow pages of the payload; empty if the chain is incomplete. */
  readonly chain: readonly number[];
}

/**
 * A larger payload is read only if all its overflow pages are found, because a damaged size must not use up the memory.
 */
const LARGEST_UNPROVEN = 64 * 1024 * 1024;

/**
 * Collects a payload from its page and its overflow pages. If the chain of overflow pages is broken, the result is the
 * part before the break.
 */
export function readPayload(image: PageImage, payload: Payload): ReadPayload {
  if (payload.overflow === 0)
    return { bytes: payload.local, isWhole: payload.local.length === payload.size, chain: [] };
  const perPage = image.usableBytes - 4;
  const expected = Math.ceil((payload.size - payload.local.length) / perPage);
  if (expected > image.pages || (payload.size > LARGEST_UNPROVEN && !chainIsWhole(image, payload.overflow, expected))) {
    return { bytes: payload.local, isWhole: false, chain: [] };
  }
  const pieces: Buffer[] = [payload.local];
  const chain: number[] = [];
  let next = payload.overflow;
  for (let index = 0; index < expected; index += 1) {
    if (next < 1 || next > image.pages) return broken(pieces, index > 0);
    const page = image.read(next);
    chain.push(next);
    const left = payload.size - payload.local.length - index * perPage;
    next = page.readUInt32BE(0);
    pieces.push(page.subarray(4, 4 + Math.min(perPage, left)));
  }
  return { bytes: Buffer.concat(pieces), isWhole: next === 0, chain: next === 0 ? chain : [] };
}

/**
 * The part of a payload before the chain of overflow pages breaks. The last page is left out, because a page with a
 * wrong pointer is itself damaged.
 */
function broken(pieces: Buffer[], dropLast: boolean): ReadPayload {
  return { bytes: Buffer.concat(dropLast ? pieces.slice(0, -1) : pieces), isWhole: false, chain: [] };
}

function chainIsWhole(image: PageImage, first: number, expected: number): boolean {
  let next = first;
  for (let index = 0; index < expected; index += 1) {
    if (next < 1 || next > image.pages) return false;
    next = image.read(next).readUInt32BE(0);
  }
  return next === 0;
}

export interface FoundRecord extends SqliteRecord {
  readonly isWhole: boolean;
  /** The overflow pages from which the row was read; empty if the chain is incomplete. */
  readonly chain: readonly number[];
}

/** Decodes the row or index entry in a payload; `null` if the payload is not a record. */
export function readPayloadRecord(image: PageImage, payload: Payload): FoundRecord | null {
  if (readRecordHeader(payload.local, payload.size) === null) return null;
  const { bytes, isWhole, chain } = readPayload(image, payload);
  const record = readRecord(bytes, payload.size);
  return record === null ? null : { ...record, isWhole, chain };
}
