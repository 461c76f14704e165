import { describe, expect, test } from "bun:test";
import { diagnose } from "../../plugin/faults/diagnose.ts";
import { looksHealthy } from "../../plugin/faults/quick-look.ts";
import type { Artifact, Evidence } from "../../plugin/model/artifact.ts";
import type { LineName, StoreDescription } from "../../plugin/model/store-description.ts";
import { call } from "./screen-calls.ts";

describe("the finding", () => {
  const part = call("glob", { pattern: "*.txt", path: 5 });

  test("names the versions that end, as a warning that is repaired only when asked", () => {
    expect(diagnosed(part, ["1.2.20"])).toMatchObject({
      fault: { code: "screen-fatal", unasked: false },
      severity: "warning",
      hosts: ["1.2.20 to 1.3.2"],
      evidence:
        "state.input.path: expected a text, got a number; the terminal UI of opencode 1.0 to 1.15 ends when this session is opened, 1.17 and newer show it",
    });
    expect(diagnosed(part, ["1.15.13"])?.hosts).toEqual(["1.15.13"]);
  });

  test("is not said where the host shows it, unless another line may open the store too", () => {
    expect(diagnosed(part, ["1.17.11"])).toBeNull();
    expect(diagnosed(part, ["1.17", "1.15.13"])).toMatchObject({ severity: "warning", hosts: ["1.15.13"] });
  });

  test("is not said of a record that no session leads to", () => {
    expect(diagnosed(part, ["1.2.20"], { reachable: false })).toBeNull();
  });
});

function diagnosed(part: unknown, lines: readonly LineName[], change: Partial<Evidence> = {}) {
  const bytes = Buffer.from(JSON.stringify(part));
  const artifact: Artifact = {
    kind: "part",
    sessionID: "ses_1",
    recordID: "prt_1",
    locator: { table: "part", key: { id: "prt_1" } },
  };
  const store: StoreDescription = {
    generation: "sqlite",
    dataDir: "/data",
    contract: lines[0]?.startsWith("1.2") ? "syntax" : "strict",
    hostVersion: null,
    sessionDiffReader: null,
    lines,
  };
  const evidence: Evidence = {
    storage: "text",
    size: bytes.length,
    bytes,
    shape: null,
    sha256: null,
    stray: null,
    ioError: null,
    mtimeMs: null,
    row: null,
    position: 1,
    siblings: 3,
    updatedMs: 1,
    reachable: true,
    sessionID: "ses_1",
    ...change,
  };
  const found = diagnose(artifact, evidence, store, 2);
  if (evidence.reachable) expect(looksHealthy(artifact, bytes.toString(), null, store)).toBe(found === null);
  return found;
}
