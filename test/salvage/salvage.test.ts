import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { experiment, missing } from "./experiment.ts";
import { hostOpens } from "./host-opens.ts";
import { type ManySessions, manySessions } from "./many-sessions.ts";
import { DAMAGES } from "./page-damage.ts";

afterAll(removeHomes);

const VERSIONS: readonly HostVersion[] = ["1.2.27", "1.14.41", "1.18.33"];

/** The number of kinds of damage that affect at least a whole page. They are the first kinds in the list. */
const WHOLE_PAGES = 6;

/** To try more seeds, run `npm run test:salvage -- --count 300 --host`. */
for (const [index, version] of VERSIONS.entries()) {
  describe(`damaged databases of opencode ${version}`, () => {
    let folder: string;
    let whole: ManySessions;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "salvage-"));
      whole = await manySessions(version, 6, folder);
    });

    afterAll(() => rm(folder, { recursive: true, force: true }));

    for (const [number, kind] of DAMAGES.entries()) {
      // Every version gets the kinds that damage whole pages. Each other kind is tried on one version.
      if (number >= WHOLE_PAGES && number % VERSIONS.length !== index) continue;
      test(kind, async () => {
        expect(whole.sessionIDs.length).toBeGreaterThan(50);
        const outcome = await experiment(whole, kind, 100 * index + number);
        expect(outcome.report.isSound).toBe(true);
        expect(outcome.originalsUnchanged).toBe(true);
        expect(outcome.blocking).toBe(0);
        expect(missing(outcome.ours, outcome.theirsWithLost)).toEqual([]);
        expect(outcome.ours.parts.size + outcome.ours.messages.size).toBeGreaterThan(0);
        // The real host opens only one result of each version. The longer experiments open all of them.
        if (number !== index) return;
        const opening = await hostOpens(version, whole.project, outcome.salvaged);
        expect(opening).toMatchObject({ listStatus: 200, failing: [] });
        expect(opening.listed).toBeGreaterThan(0);
      });
    }
  });
}
