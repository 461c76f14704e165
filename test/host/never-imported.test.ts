import { afterAll, expect, test } from "bun:test";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "./home.ts";
import { hostVerdict } from "./load-path.ts";
import { startHost } from "./running-host.ts";
import { realStore } from "./stored-fixture.ts";

afterAll(removeHomes);

test("1.18.33 on files of 1.0.152 shows no session; check says so, and the command that it names brings all of them in", async () => {
  const { home, dataDir, sessionIDs } = await realStore("1.0.152");
  const shown = async () => {
    const host = await startHost({ home, version: "1.18.33" });
    try {
      const { sessions } = await hostVerdict(host, sessionIDs);
      return sessions.filter(({ loads }) => loads).map(({ id }) => id);
    } finally {
      await host.stop();
    }
  };
  const cli = async (...args: string[]) => {
    const { code, stdout } = await askCli([...args, "--json", "--data-dir", dataDir]);
    return { code, ...JSON.parse(stdout) };
  };
  expect(await shown()).toEqual([]);
  expect((await cli("check")).findings).toMatchObject([
    { code: "not-imported", evidence: "9 sessions", advice: expect.stringContaining("opencode-session-repair rescue") },
  ]);
  const text = await askCli(["check", "--data-dir", dataDir]);
  expect(text.stdout).toContain("opencode does not show the sessions that are only in storage/");
  expect(text.stdout).not.toContain("Healthy");
  expect(await cli("rescue", "--import", "--yes")).toMatchObject({ code: 0 });
  expect((await shown()).toSorted()).toEqual(sessionIDs.toSorted());
  expect(await cli("check")).toMatchObject({ code: 0, verdict: "healthy", findings: [] });
  await home.remove();
});
