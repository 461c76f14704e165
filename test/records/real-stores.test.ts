import { afterAll, expect, test } from "bun:test";
import { locatorText } from "../../plugin/model/artifact.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { isWholeRow } from "../../plugin/records/contract.ts";
import { judge } from "../../plugin/records/judge.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import { HEALTHY_HOSTS } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

for (const version of HEALTHY_HOSTS) {
  test(`the closer look finds nothing in a store that ${version} wrote`, async () => {
    const { dataDir, home } = await realStore(version);
    const found = await locate(nodeFileSystem, { env: {}, dataDir });
    if (!found.ok) throw new Error(found.message);
    const refused: string[] = [];
    let judged = 0;
    for (const opened of await openStores(nodeFileSystem, found.located, "outside")) {
      if (opened.state !== "ok") throw new Error(opened.problem.evidence);
      await opened.store.scan(
        { what: "everything" },
        (artifact, text, row) => {
          const value: unknown = text === null && isWholeRow(artifact, row) ? row : JSON.parse(text ?? "");
          const judgement = judge(artifact, value, { row, siblings: null }, opened.description);
          if (judgement !== "fits") refused.push(`${locatorText(artifact.locator)} ${JSON.stringify(judgement)}`);
          judged += 1;
        },
        { concurrency: 4, counts: noCounts() },
      );
      opened.store.close();
    }
    expect(refused).toEqual([]);
    expect(judged).toBeGreaterThan(150);
    await home.remove();
  });
}
