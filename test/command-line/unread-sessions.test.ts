import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FAULT_CODES } from "../../plugin/faults/catalogue.ts";
import { type ConfirmedFinding, isNotShown, isUnread } from "../../plugin/model/finding.ts";
import type { CheckResult } from "../../plugin/repair/check.ts";
import { type CheckView, checkText } from "../../plugin/words/answers/check.ts";
import { NOT_ALL_READ } from "../../plugin/words/answers/sessions.ts";
import { afterRepairText, openedAgain } from "../../plugin/words/records.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { canDropPrivileges, runCli } from "./cli-process.ts";

let end: (() => void) | null = null;

afterEach(() => {
  end?.();
  end = null;
});

interface Listed {
  readonly sessionID: string;
  readonly state: string;
}

test.skipIf(!canDropPrivileges())(
  "`sessions` calls no session healthy if a folder of parts could not be read",
  async () => {
    const store = createJsonStore(sampleContent());
    const locator = store.locatorOf("part", sampleContent().sessions[0]?.messages[0]?.parts[0]?.id ?? "");
    const folder = dirname(join(store.dataDir, "path" in locator ? locator.path : ""));
    end = () => {
      chmodSync(folder, 0o700);
      store.remove();
    };
    chmodSync(dirname(store.dataDir), 0o755);
    const below = readdirSync(store.dataDir, { recursive: true, encoding: "utf8" });
    for (const name of ["", ...below]) chmodSync(join(store.dataDir, name), 0o777);
    chmodSync(folder, 0o000);
    const args = ["sessions", "--data-dir", store.dataDir];
    const { stdout } = await runCli([...args, "--json"], { unprivileged: true });
    const sessions: Listed[] = JSON.parse(stdout).sessions;
    expect(sessions.length).toBeGreaterThan(1);
    expect(sessions.filter(({ state }) => state === "healthy")).toEqual([]);
    const text = await runCli(args, { unprivileged: true });
    expect(text.stdout).toContain("not checked");
  },
);

test.skipIf(!canDropPrivileges()).each(["todo", "session_diff"])(
  "`sessions` does not end with 0 if a store is damaged and its folder %s was not read",
  async (name) => {
    const store = createJsonStore(sampleContent());
    const locator = store.locatorOf("part", sampleContent().sessions[0]?.messages[0]?.parts[0]?.id ?? "");
    writeFileSync(join(store.dataDir, "path" in locator ? locator.path : ""), "");
    const folder = join(store.dataDir, "storage", name);
    mkdirSync(folder, { recursive: true });
    end = () => {
      chmodSync(folder, 0o700);
      store.remove();
    };
    chmodSync(dirname(store.dataDir), 0o755);
    const below = readdirSync(store.dataDir, { recursive: true, encoding: "utf8" });
    for (const each of ["", ...below]) chmodSync(join(store.dataDir, each), 0o777);
    const args = ["sessions", "--data-dir", store.dataDir];
    expect((await runCli(args, { unprivileged: true })).code).toBe(0);
    chmodSync(folder, 0o000);
    const { code, stdout } = await runCli([...args, "--json"], { unprivileged: true });
    expect([code, JSON.parse(stdout).verdict]).toEqual([1, "damaged"]);
    expect((await runCli(args, { unprivileged: true })).stdout).toContain(NOT_ALL_READ);
  },
);

function finding(code: string, severity: "warning" | "info" = "warning"): ConfirmedFinding {
  const locator = { table: "session", key: { id: "ses_a" } };
  const facts = { sessionID: "ses_a", kind: "session", recordID: "ses_a", evidence: "there", store: 0 } as const;
  return {
    ...{ code, severity, locator, remedy: "report", writtenMs: null, seen: null, replacement: null },
    ...facts,
  } as unknown as ConfirmedFinding;
}

function textOf(findings: readonly ConfirmedFinding[]): string {
  const counts = { sessions: 1, messages: 1, parts: 1, bytes: 1 };
  const result = { dataDir: "/d", stores: [], counts, durationMs: 1, findings, verdict: "healthy", notFound: [] };
  const style = (_style: string, text: string) => text;
  const terminal = { width: 80, isScreen: false, ellipsis: "…", style, completed: (text: string) => text };
  const view = { terminal, names: new Map(), isDetailed: true, sessionIDs: [], obstacle: null };
  const command = (...args: string[]) => args.join(" ");
  return checkText(result as unknown as CheckResult, { ...view, command } as unknown as CheckView);
}

test("records that are missing or were not read are never called loaded, and the store is not called healthy", () => {
  const missing = ["lost-record", "lost-session-record", "lost-message-record", "orphans", "not-in-opencode-2"];
  for (const code of [...missing, "access-denied", "unavailable"]) {
    expect(FAULT_CODES).toContain(code);
    expect(isNotShown(finding(code)) || isUnread(finding(code))).toBe(true);
    const text = textOf([finding(code)]);
    expect(text).not.toContain("opencode loads these");
    expect(text).not.toMatch(/Healthy|can load everything/);
  }
  expect(textOf([finding("giant-record")])).toContain("opencode loads these");
});

test("nothing says that opencode loads or lists what a repair has moved to quarantine", () => {
  const moved = { kind: "session", action: "quarantined" };
  expect(afterRepairText([moved])).not.toContain("everything");
  expect(openedAgain([moved], 1)).not.toContain("can open");
  expect(openedAgain([moved], 1)).toContain("opencode no longer lists 1 session");
  expect(openedAgain([moved, { kind: "part", action: "quarantined" }], 2)).toContain("so that opencode can open it");
});
