import { isFileLocator } from "../../plugin/model/artifact.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { HOST_VERSIONS } from "../host/binary.ts";
import { realStore } from "../host/stored-fixture.ts";
import { seed } from "./seeds.ts";
import { ROW_PLACES, STORES } from "./subjects.ts";

/** Longer documents are left out, because they make slow cases and reach no other code. */
const LONGEST = 1500;

/** For targets that read one record: makes a case from a record, its store and its place. */
const FORMS: Readonly<Record<string, (store: number, place: number, text: Buffer) => Buffer>> = {
  "json-scanner": (_store, _place, text) => seed([1, 2, 3, 200], text),
  "cut-document": (_store, place, text) => seed([place % 2, text.length % 256], text),
  diagnose: (store, place, text) => seed([store, place, 0], text),
  normalise: (store, place, text) => seed([0, store, place, 0], text),
};

/**
 * Makes cases from records that real versions of opencode wrote. Targets that do not read one record get no such cases.
 */
export async function realSeeds(target: string): Promise<Buffer[]> {
  const form = FORMS[target];
  if (form === undefined) return [];
  const found = new Map<string, Buffer>();
  for (const version of HOST_VERSIONS) {
    const { dataDir, home } = await realStore(version);
    const where = await locate(nodeFileSystem, { env: {}, dataDir });
    for (const opened of where.ok ? await openStores(nodeFileSystem, where.located, "outside") : []) {
      if (opened.state !== "ok") continue;
      const line = STORES.findIndex(({ hostVersion }) => hostVersion === version);
      await opened.store.scan(
        { what: "everything" },
        ({ kind, locator }, text) => {
          if (text === null || text.length > LONGEST) return;
          const column = isFileLocator(locator) ? undefined : locator.column;
          const isAlike = (each: (typeof ROW_PLACES)[number]) =>
            each.kind === kind && (isFileLocator(each.locator) || each.locator.column === column);
          const place = Math.max(0, ROW_PLACES.findIndex(isAlike));
          // For records of the same form, one case is enough.
          found.set(text.replace(/[^{}[\],:]/g, ""), form(Math.max(0, line), place, Buffer.from(text)));
        },
        { concurrency: 4, counts: noCounts() },
      );
      opened.store.close();
    }
    await home.remove();
  }
  return [...found.values()];
}
