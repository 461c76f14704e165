import { basename } from "node:path";
import type { FileSystem } from "../files/file-system.ts";
import { writingRefusal } from "../repair/origin-words.ts";
import { findSlugTrees } from "../stores/json/slug-tree.ts";
import type { Located } from "../stores/locate.ts";
import { type OpenedStore, openJson, openStores } from "../stores/open.ts";
import type { KnownStore, OpenStore } from "./hidden.ts";

/** The database whose opencode is to show everything, and the other stores beside it. */
export interface KnownStores {
  readonly target: KnownStore;
  readonly others: readonly KnownStore[];
  readonly opened: readonly OpenedStore[];
  close(): void;
}

export type Knowing =
  | { readonly ok: true; readonly stores: KnownStores }
  | { readonly ok: false; readonly reason: "none" | "unknown" | "unusable" | "refused"; readonly message: string };

/** Opens every store for reading. `into`: the name of the target's file; `null` for the one that opencode opens by default. */
export async function openKnownStores(files: FileSystem, located: Located, into: string | null): Promise<Knowing> {
  const { databases } = located;
  const path = into === null ? databases[0] : databases.find((each) => each === into || basename(each) === into);
  if (path === undefined) {
    return into === null
      ? { ok: false, reason: "none", message: NO_DATABASE }
      : { ok: false, reason: "unknown", message: "There is no database of that name in this data directory." };
  }
  const opened = await openStores(files, located, "outside");
  for (const tree of await findSlugTrees(files, located.dataDir)) {
    opened.push(await openJson(tree.files, tree.root, null, "outside", null));
  }
  const close = () => {
    for (const store of opened) if (store.state === "ok") store.store.close();
  };
  try {
    const known: KnownStore[] = [];
    for (const [index, store] of opened.entries()) if (store.state === "ok") known.push(await know(store, index));
    const target = known.find((each) => each.opened.description.database === path);
    if (target !== undefined) {
      return { ok: true, stores: { target, others: known.filter((each) => each !== target), opened, close } };
    }
  } catch (error) {
    close();
    throw error;
  }
  close();
  const refusal = writingRefusal(opened.find(({ description }) => description.database === path)?.origin ?? null);
  if (refusal !== null) return { ok: false, reason: "refused", message: refusal };
  return { ok: false, reason: "unusable", message: "The database cannot be read; `check` says what is wrong with it." };
}

async function know(opened: OpenStore, index: number): Promise<KnownStore> {
  const { store } = opened;
  return { index, opened, sessions: await store.sessionFacts(), projects: await store.projectFacts() };
}

const NO_DATABASE =
  "There is no database here for conversations to be brought into. Start opencode 1.2 or newer once, then run this again.";
