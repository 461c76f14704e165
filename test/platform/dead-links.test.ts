/**
 * In these tests, a link in the storage of opencode 1.0-1.1 cannot lead to any file. The expected texts say what 1.0.0
 * to 1.1.65 then did.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answerRequest } from "../../plugin/opencode/answer-request.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { askCli } from "../command-line/cli-service.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

let store: StoreUnderTest;
let storage: string;

beforeEach(() => {
  store = createJsonStore({ ...sampleContent(), sessions: [sessionContent("a", "prj_one", 3, 1)] });
  storage = join(store.dataDir, "storage");
  writeFileSync(join(store.dataDir, "some-file"), "x");
});
afterEach(() => store.remove());

async function found(hostVersion: string, ...sessionIDs: string[]): Promise<readonly string[]> {
  const place = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!place.ok) throw new Error(place.message);
  const { located } = place;
  const outcome = await check({ files: nodeFileSystem, located, sessionIDs, concurrency: 4, hostVersion });
  if (!outcome.ok) throw new Error("The check does not know the session.");
  return outcome.result.findings.map(({ severity, code, evidence }) => `${severity} ${code}: ${evidence}`);
}

/** The answer of `/repair` inside opencode. It checks one session, or every session if the id is `null`. */
async function answered(sessionID: string | null, what: "check" | "repair" = "check") {
  const place = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!place.ok) throw new Error(place.message);
  const { located } = place;
  const context = { files: nodeFileSystem, located, hostVersion: "1.1.65", concurrency: 4, spare: null } as const;
  return answerRequest({ what, sessionID }, { ...context, trigger: "command" });
}

async function checked(dataDir: string) {
  const { verdict, findings } = JSON.parse((await askCli(["check", "--json", "--data-dir", dataDir])).stdout);
  return { verdict, codes: findings.map(({ code }: { readonly code: string }) => code) as string[] };
}

/** Puts a link in the place of a file or folder. */
function link(place: string, target: string): void {
  const at = join(storage, place);
  if (existsSync(at)) renameSync(at, join(store.dataDir, "away"));
  mkdirSync(join(at, ".."), { recursive: true });
  symlinkSync(target === "itself" ? at : target === "long" ? "n".repeat(300) : join(store.dataDir, target), at);
}

const DEAD = ["some-file/x", "itself", "long"] as const;

describe("a link that can lead to nothing, in the place of a folder, is not a folder", () => {
  const FOLDERS = [
    ["session", "opencode lists no session and creates none"],
    ["session/prj_one", "opencode lists no session of this project and creates none"],
    ["message", "opencode shows every session without its messages"],
    ["message/ses_a", "opencode shows this session without its messages"],
    ["part", "opencode shows every message empty"],
    ["part/msg_a1", "opencode shows this message empty"],
    ["project", "opencode answers every request with an error"],
  ] as const;
  for (const [place, does] of FOLDERS) {
    test.each(DEAD)(`${place}: %s`, async (target) => {
      link(place, target);
      for (const version of ["1.0.61", "1.1.65"])
        expect(await found(version)).toEqual([`blocking folder-is-file: a link that leads nowhere; ${does}`]);
      // A check of one session reports the link too.
      if (!/^(project|session)/.test(place))
        expect(await found("1.1.65", "ses_a")).toEqual([`blocking folder-is-file: a link that leads nowhere; ${does}`]);
    });
  }

  test.each(FOLDERS)("%s: /repair does not say that opencode can load every session", async (place, does) => {
    link(place, "itself");
    for (const sessionID of /^(project|session)/.test(place) ? [null] : [null, "ses_a"]) {
      const { verdict, details, remaining } = await answered(sessionID);
      expect(verdict).toBe("damaged");
      expect(details.join(" ")).toContain(`a link that leads nowhere; ${does}`);
      expect(remaining.map(({ code, remedy }) => `${code} ${remedy}`)).toEqual(["folder-is-file report"]);
    }
  });

  test("a plain file in the place of all messages: /repair does not call a session healthy", async () => {
    renameSync(join(storage, "message"), join(store.dataDir, "away"));
    writeFileSync(join(storage, "message"), "x");
    expect((await answered("ses_a")).verdict).toBe("damaged");
    const { headline, verdict } = await answered("ses_a", "repair");
    expect({ headline, verdict }).toEqual({ headline: "Nothing was changed.", verdict: "damaged" });
    expect(readFileSync(join(storage, "message"), "utf8")).toBe("x");
  });

  test.each(["todo", "session_diff"])("%s: opencode shows the sessions", async (place) => {
    link(place, "itself");
    expect(await found("1.1.65")).toEqual([expect.stringMatching(/^warning folder-is-file: /)]);
  });
});

test.each(DEAD)("storage itself: %s stops opencode", async (target) => {
  renameSync(storage, join(store.dataDir, "away"));
  symlinkSync(
    target === "itself" ? storage : target === "long" ? "n".repeat(300) : join(store.dataDir, target),
    storage,
  );
  expect(await found("1.1.65")).toEqual([
    "blocking folder-is-file: a link that leads nowhere; opencode answers every request with an error",
  ]);
});

test("without a folder of diffs, 1.0.61 answers every request for diffs with an error, unless nothing is there", async () => {
  const fails = "GET /session/:id/diff fails for every session";
  for (const target of DEAD) {
    link("session_diff", target);
    expect(await found("1.0.61")).toEqual([`blocking folder-is-file: a link that leads nowhere; ${fails}`]);
    rmSync(join(storage, "session_diff"));
  }
  writeFileSync(join(storage, "session_diff"), "x");
  expect(await found("1.0.61")).toEqual([`blocking folder-is-file: a file; ${fails}`]);
  rmSync(join(storage, "session_diff"));
  link("session_diff", "nowhere");
  expect(await found("1.0.61")).toEqual([expect.stringMatching(/^warning folder-is-file: a link that leads nowhere/)]);
});

test.each([
  ["some-file/x", "a link that leads through a file"],
  ["itself", "a link that leads to itself"],
  ["long", "a link with a name that is too long"],
])("diffs of a session: %s fails in 1.0.61 alone", async (target, what) => {
  link("session_diff/ses_a.json", target);
  expect(await found("1.0.61")).toEqual([`blocking file-is-folder: ${what}; GET /session/:id/diff fails`]);
  for (const version of ["1.0.0", "1.0.98", "1.0.152", "1.1.65"]) expect(await found(version)).toEqual([]);
});

test("a session whose record is a link, and whose messages are behind a link to itself, is not healthy", async () => {
  link("session/prj_one/ses_a.json", "away");
  renameSync(join(storage, "message"), join(store.dataDir, "messages"));
  mkdirSync(join(storage, "message"));
  link("message/ses_a", "itself");
  expect(await found("1.1.65")).toContainEqual(
    "blocking folder-is-file: a link that leads nowhere; opencode shows this session without its messages",
  );
});

test("a file in the place of a folder of another session is not a problem of this one", async () => {
  link("message/ses_other", "itself");
  expect(await found("1.1.65", "ses_a")).toEqual([]);
});

test("a quarantine that is a link to itself is not called empty", async () => {
  const says = '"quarantine" in the data directory is not a folder. Rename it.';
  symlinkSync("quarantine", join(store.dataDir, "quarantine"));
  for (const request of ["runs", "runs last", "restore last"]) {
    const { code, stdout, stderr } = await askCli([...request.split(" "), "--data-dir", store.dataDir]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
    expect(stdout).not.toContain("empty");
  }
  const place = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!place.ok) throw new Error(place.message);
  const context = { files: nodeFileSystem, located: place.located, hostVersion: "1.1.65", concurrency: 4 } as const;
  expect((await answerRequest({ what: "runs" }, { ...context, trigger: "command", spare: null })).headline).toBe(says);
  rmSync(join(store.dataDir, "quarantine"));
  expect((await askCli(["runs", "--data-dir", store.dataDir])).stdout).toContain("The quarantine is empty.");
});

test.each([
  ["itself", "The data directory is a link that leads to itself."],
  ["some-file/x", "The data directory is a link that leads through a file."],
  ["nowhere", "This opencode data directory does not exist."],
])("a data directory that is a link to %s", async (target, message) => {
  const dataDir = join(store.dataDir, "linked");
  symlinkSync(target === "itself" ? dataDir : join(store.dataDir, target), dataDir);
  expect(await locate(nodeFileSystem, { env: {}, dataDir })).toMatchObject({ ok: false, message });
  if (target !== "itself") return;
  expect(await locate(nodeFileSystem, { env: {}, dataDir: join(dataDir, "below") })).toMatchObject({
    message: "A link above the data directory leads to itself.",
  });
});

describe("the record of a project", () => {
  const does = "opencode answers every request in the folder of this project with an error";
  test.each([
    ["some-file/x", "a link that leads through a file"],
    ["itself", "a link that leads to itself"],
    ["long", "a link with a name that is too long"],
    ["no-folder/x", "a link that leads into a folder that does not exist"],
    ["storage/message", "a folder, or a link to a folder"],
  ])("%s stops opencode in this project", async (target, what) => {
    link("project/prj_one.json", target);
    for (const version of ["1.0.0", "1.0.61", "1.0.98", "1.0.152", "1.1.65"])
      expect((await found(version)).filter((each) => each.startsWith("blocking"))).toEqual([
        `blocking file-is-folder: ${what}; ${does}`,
      ]);
    expect(await found("1.1.65", "ses_a")).toContain(`blocking file-is-folder: ${what}; ${does}`);
  });

  test("without sessions of the project, a folder is a warning; a broken link hides whether there are sessions", async () => {
    rmSync(join(storage, "project/prj_one.json"));
    mkdirSync(join(storage, "project/prj_one.json"));
    rmSync(join(storage, "session/prj_one"), { recursive: true });
    const finding = `file-is-folder: a folder, or a link to a folder; ${does}`;
    expect(await found("1.1.65")).toContain(`warning ${finding}`);
    for (const target of DEAD) {
      link("session/prj_one", target);
      expect(await found("1.1.65")).toContain(`blocking ${finding}`);
      rmSync(join(storage, "session/prj_one"));
    }
  });

  test.each([
    ["a folder beside the target of the linked folder", "else/new", true],
    ["a folder that is only beside the link", "storage/new", false],
  ])("a link in a linked folder, into %s", async (_what, folder, isWritten) => {
    const elsewhere = join(store.dataDir, "else/project");
    mkdirSync(join(elsewhere, ".."), { recursive: true });
    renameSync(join(storage, "project"), elsewhere);
    symlinkSync(elsewhere, join(storage, "project"));
    rmSync(join(elsewhere, "prj_one.json"));
    symlinkSync("../new/prj_one.json", join(elsewhere, "prj_one.json"));
    mkdirSync(join(store.dataDir, folder));
    expect((await found("1.1.65")).some((each) => each.includes("file-is-folder"))).toBe(!isWritten);
  });

  test("a folder stops opencode; a link to a new place does not, because opencode writes the record there", async () => {
    const at = join(storage, "project/prj_one.json");
    link("project/prj_one.json", "new.json");
    expect((await found("1.1.65")).filter((each) => each.startsWith("blocking"))).toEqual([]);
    rmSync(at);
    mkdirSync(at);
    expect(await found("1.1.65")).toContain(`blocking file-is-folder: a folder, or a link to a folder; ${does}`);
  });
});

describe("a link or an empty folder in the place of a record", () => {
  const RECORDS = [
    ["session/prj_one/ses_a.json", "blocking", "opencode does not list the session"],
    ["message/ses_a/msg_a1.json", "warning", "opencode shows the session without this message"],
    ["part/msg_a1/prt_a1_1.json", "warning", "opencode shows the message without this part"],
  ] as const;

  for (const [place, severity, does] of RECORDS) {
    test.each(["away", "nowhere", ...DEAD])(`${place}: a link to %s is reported, alone`, async (target) => {
      expect(existsSync(join(storage, place))).toBe(true);
      link(place, target);
      for (const ids of [[], ["ses_a"]])
        expect(await found("1.1.65", ...ids)).toEqual([`${severity} file-is-folder: a link; ${does}`]);
      const { verdict, remaining } = await answered("ses_a", "repair");
      expect({ verdict, codes: remaining.map(({ code }) => code) }).toEqual({
        verdict: severity === "blocking" ? "damaged" : "healthy",
        codes: severity === "blocking" ? ["file-is-folder"] : [],
      });
    });

    test(`${place}: an empty folder is reported, alone`, async () => {
      renameSync(join(storage, place), join(store.dataDir, "away"));
      mkdirSync(join(storage, place));
      for (const ids of [[], ["ses_a"]])
        expect(await found("1.1.65", ...ids)).toEqual([
          `${severity} file-is-folder: a folder, or a link to a folder; ${does}`,
        ]);
    });
  }

  test("links and empty folders that are not in the place of a record do no harm", async () => {
    link("session/prj_one/ses_a copy.json", "storage/session/prj_one/ses_a.json");
    link("session/prj_one/ses_a.sync-conflict-20260105-101112-ABCDEFG.json", "nowhere");
    link("session/prj_other/ses_a.json", "storage/session/prj_one/ses_a.json");
    link("message/ses_a/msg_a1 copy.json", "storage/message/ses_a/msg_a1.json");
    mkdirSync(join(storage, "session/prj_one/ses_a (1).json"));
    for (const ids of [[], ["ses_a"]]) {
      expect((await found("1.1.65", ...ids)).filter((line) => line.includes("file-is-folder"))).toEqual([]);
    }
  });

  test("beside a database, no link in these files is a problem or a session, because opencode does not read them", async () => {
    const { dataDir, remove } = await createSqliteStore("1.18.33", sampleContent());
    try {
      cpSync(storage, join(dataDir, "storage"), { recursive: true });
      const before = await checked(dataDir);
      for (const [place] of RECORDS) {
        rmSync(join(dataDir, "storage", place));
        symlinkSync("/nowhere", join(dataDir, "storage", place));
      }
      symlinkSync("/nowhere", join(dataDir, "storage/session/prj_one/ses_new.json"));
      const after = await checked(dataDir);
      expect(after.codes).toEqual(before.codes);
      expect(after.codes).not.toContain("file-is-folder");
      const { stdout } = await askCli(["sessions", "--json", "--data-dir", dataDir]);
      expect(stdout).not.toContain("ses_new");
    } finally {
      remove();
    }
  });

  test("links with other names, and links in folders that no record leads to, do no harm", async () => {
    link("message/ses_a/notes.json", "some-file");
    link("message/ses_a/.msg_x.json", "some-file");
    link("part/msg_a1/README", "some-file");
    link("part/msg_gone/prt_x.json", "some-file");
    expect(await found("1.1.65")).toEqual([]);
  });
});
