// This suite uses `node:test`, so it runs in Node and in Bun, and tests the SQLite of both.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { Artifact, Locator } from "../../plugin/model/artifact.ts";
import type { ManifestItem, RunFolder } from "../../plugin/model/manifest-item.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder } from "../../plugin/quarantine/vault.ts";
import { noCounts, type Scope } from "../../plugin/stores/store.ts";
import type { Operation, StoreWriter } from "../../plugin/stores/writer.ts";
import type { StoreContent } from "./content.ts";
import { type OpenStore, openOnly, type RecordName, type StoreUnderTest } from "./store-under-test.ts";

export interface StoreKind {
  readonly name: string;
  create(content: StoreContent): StoreUnderTest | Promise<StoreUnderTest>;
  /** Ids that could lead to another path. Only ids that this kind of store can hold are listed. */
  readonly hostileIDs: readonly string[];
  /** Whether to test large records. `false` if another kind of store has the same slow test. */
  readonly withLargeRecords: boolean;
}

/** Runs a test on a new store, and removes the store at the end. */
export type StoreTest = (name: string, work: (store: StoreUnderTest) => Promise<void>, content?: StoreContent) => void;

export const DAMAGED = Buffer.from('{"type":"text","te');
export const FOREIGN = Buffer.from('{"written":"by somebody else"}');

interface KnownRecord {
  readonly record: RecordName;
  readonly id: string;
  readonly sessionID: string;
}

export function records(content: StoreContent): KnownRecord[] {
  return content.sessions.flatMap(({ id: sessionID, messages }) => [
    { record: "session" as const, id: sessionID, sessionID },
    ...messages.flatMap(({ id, parts }) => [
      { record: "message" as const, id, sessionID },
      ...parts.map((part) => ({ record: "part" as const, id: part.id, sessionID })),
    ]),
  ]);
}

export async function reading(store: StoreUnderTest, work: (opened: OpenStore) => Promise<void>): Promise<void> {
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  try {
    await work(opened);
  } finally {
    opened.store.close();
  }
}

export async function visited(store: StoreUnderTest, scope: Scope, signal?: AbortSignal) {
  const artifacts: Artifact[] = [];
  const texts: (string | null)[] = [];
  const counts = noCounts();
  await reading(store, async (opened) => {
    const visit = (artifact: Artifact, text: string | null) => {
      artifacts.push(artifact);
      texts.push(text);
    };
    await opened.store.scan(scope, visit, { concurrency: 4, counts, ...(signal && { signal }) });
  });
  return { artifacts, texts, counts };
}

export function idsOf(artifacts: readonly Artifact[], kind: Artifact["kind"]): (string | null)[] {
  return [
    ...new Set(artifacts.filter((artifact) => artifact.kind === kind).map((artifact) => artifact.recordID)),
  ].sort();
}

export async function writing(
  store: StoreUnderTest,
  work: (writer: StoreWriter, run: RunFolder) => Promise<void>,
): Promise<void> {
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  opened.store.close();
  const writer = await opened.openWriter();
  try {
    await work(writer, await createRunFolder(nodeFileSystem, store.dataDir, "ses_a", newRunID(Date.now())));
  } finally {
    writer.close();
    rmSync(quarantinePath(store.dataDir), { recursive: true });
  }
}

/**
 * An operation on a record. `judged` gives the bytes that the check saw. Without `judged`, these are the current bytes.
 */
export function operationOn(store: StoreUnderTest, record: RecordName, id: string, judged?: Buffer): Operation {
  const locator = store.locatorOf(record, id);
  const owner = records(store.content).find((each) => each.id === id)?.sessionID ?? null;
  return operationAt(locator, record, owner, id, judged ?? store.bytesAt(locator) ?? Buffer.alloc(0));
}

function operationAt(
  locator: Locator,
  kind: RecordName,
  sessionID: string | null,
  recordID: string,
  bytes: Buffer,
): Operation {
  const seen = { bytes: bytes.length, sha256: sha256(bytes) };
  return {
    kind,
    sessionID,
    recordID,
    locator,
    code: "truncated",
    evidence: "",
    remedy: "quarantine",
    seen,
    replacement: null,
  };
}

export async function prepared(writer: StoreWriter, operations: Operation[], run: RunFolder): Promise<ManifestItem[]> {
  const { items, skipped } = await writer.prepare(operations, run);
  assert.deepEqual(skipped, []);
  return items;
}

export async function statesOf(outcomes: ReturnType<StoreWriter["setAside"]>): Promise<string[]> {
  return (await outcomes).map((outcome) => outcome.state);
}

export function bytesOf(damaged: readonly [RecordName, string, Buffer][], id: string): Buffer | undefined {
  return damaged.find((each) => each[1] === id)?.[2];
}
