import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { removeHomes } from "../host/home.ts";
import { startModelServer } from "../host/model-server.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { lacks } from "../process/lacks.ts";
import { repairsAsOpened } from "./shared-cases.ts";
import { openRepairDialog } from "./steps.ts";
import { openTerminalUI, type TerminalUI } from "./terminal-ui.ts";
import { UIForCases } from "./ui-for-cases.ts";
import { Workshop } from "./workshop.ts";

const model = startModelServer();

afterAll(async () => {
  await model.stop();
  await removeHomes();
});

const time = { start: 1, end: 2 };
const OLD_CALLS = {
  // opencode stores a call in this form if it refused the arguments.
  glob: { status: "error", input: { pattern: "*.txt", path: 5 }, error: "Invalid arguments", time },
  // opencode before 1.1.8 wrote this form.
  question: {
    status: "completed",
    input: { questions: [{ question: "Go on?", header: "Go on", options: [] }] },
    output: "Yes",
    title: "Asked 1 question",
    metadata: { answers: ["Yes"] },
    time,
  },
  // No rule of the tool gives a readable text for this input.
  bash: { status: "error", input: { command: { line: "ls" } }, error: "Invalid arguments", time },
} as const;

function addCalls({ dataDir, sessions: { plain } }: RealStore): void {
  using database = new Database(join(dataDir, "opencode.db"));
  const insert = database.prepare("insert into part values (?, ?, ?, 1, 1, ?)");
  for (const [tool, state] of Object.entries(OLD_CALLS)) {
    const data = JSON.stringify({ type: "tool", callID: `call_${tool}`, tool, state });
    insert.run(`prt_zz${tool}`, plain.messages[1]?.id ?? "", plain.id, data);
  }
}

function parts({ dataDir }: RealStore): unknown[] {
  using database = new Database(join(dataDir, "opencode.db"), { readonly: true });
  return database.query("select rowid, *, hex(data) as bytes from part order by id").all();
}

function open(store: RealStore): Promise<TerminalUI> {
  return openTerminalUI({ home: store.home, model, args: ["--session", store.sessions.plain.id] });
}

test.skipIf(lacks("tmux"))(
  "1.2.27 ends on a session whose calls its screen cannot print; repaired when asked, it shows it; undone to the byte",
  async () => {
    const store = await realStore("1.2.27");
    const ui: TerminalUI[] = [];
    try {
      addCalls(store);
      const before = parts(store);
      const fatal = await open(store);
      ui.push(fatal);
      await fatal.waitFor("A fatal error occurred");
      fatal.close();

      const tool = await toolFor(store.dataDir);
      const { verdict, findings } = await tool.check();
      const named = findings.filter(({ code }) => code === "screen-fatal");
      expect(verdict).toBe("healthy");
      expect(named.map(({ recordID, remedy, hosts }) => [recordID, remedy, hosts]).sort()).toEqual([
        ["prt_zzbash", "quarantine", ["1.2.20 to 1.3.2"]],
        ["prt_zzglob", "normalise", ["1.2.20 to 1.3.2"]],
        ["prt_zzquestion", "normalise", ["1.2.20 to 1.3.2"]],
      ]);
      expect((await tool.repairUnasked()).items).toEqual([]);
      expect((await tool.repair()).items).toEqual([]);
      expect(parts(store)).toEqual(before);

      const { runID, items } = await tool.repair(["screen-fatal"]);
      expect(items.map(({ action }) => action).sort()).toEqual(["normalised", "normalised", "quarantined"]);
      const shown = await open(store);
      ui.push(shown);
      await shown.waitFor("You are welcome.");
      expect(shown.screen()).not.toContain("fatal error");
      shown.close();

      await tool.restore(runID ?? "");
      expect(parts(store)).toEqual(before);
    } finally {
      for (const each of ui) each.close();
      await store.home.remove();
    }
  },
);

describe.skipIf(lacks("tmux"))("the terminal UI of 1.14.41 with the terminal half alone", () => {
  let shop: Workshop;
  const uis = new UIForCases(() => shop, { version: "1.14.41", halves: { terminal: true } });

  beforeAll(async () => {
    shop = await Workshop.open();
  });

  afterAll(async () => {
    await uis.end();
    await shop.close();
  });

  test("a session that was damaged while opencode runs is repaired as it is opened", () =>
    uis.run((each) => repairsAsOpened(each, "compacted", false)));

  test("`/repair` completes the calls that end the UI; the session opens in the same UI", () =>
    uis.run(async ({ store, ui }) => {
      addCalls(store);
      expect(await openRepairDialog(ui)).toContain("3 records that opencode cannot load or show");
      await ui.press("Enter");
      await ui.waitFor("Complete 2 records, quarantine 1 record?");
      await ui.press("Enter");
      await ui.waitFor("Open the session?");
      await ui.press("Enter");
      await ui.waitFor("You are welcome.");
      expect(ui.screen()).not.toContain("fatal error");
    }));
});
