import { afterAll, expect, test } from "bun:test";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { fileImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const VERSIONS = ["1.0.152", "1.1.65", "1.2.27", "1.18.33"] as const;

const show = (store: RealStore, sessionID: string, ...more: string[]) =>
  askCli(["show", sessionID, "--data-dir", store.dataDir, ...more]);

test.each(VERSIONS)("%s: a healthy session is shown whole, and nothing changes", async (version) => {
  const store = await realStore(version);
  const before = await fileImage(store.dataDir);
  const { id } = store.sessions.conversation;
  const { code, stdout } = await show(store, id);
  expect(code).toBe(0);
  const words = [
    "A conversation with tools",
    "Say hello with bash — grüß die Welt 🌍",
    "▸ bash (completed",
    "▸ read (error",
  ];
  for (const word of [...words, "Both files are changed.", "┆ The user wants a greeting.", " 0 holes."]) {
    expect(stdout).toContain(word);
  }
  const said = ["Say hello", "Bash said hello", "Read a file", "Now write", "Both files"].map((word) =>
    stdout.indexOf(word),
  );
  expect(said).toEqual([...said].sort((a, b) => a - b));
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(200);
  expect(await fileImage(store.dataDir)).toEqual(before);
  await store.home.remove();
});

test.each(["1.1.65", "1.18.33"] as const)(
  "%s: holes say where, why and how large; the beginning of a cut text is shown",
  async (version) => {
    const store = await realStore(version);
    const { id, messages } = store.sessions.plain;
    const parts = messages.flatMap((message) => message.parts.map((part) => ({ ...part, messageID: message.id })));
    const [question, answer] = parts.filter((part) => part.type === "text");
    if (!question || !answer) throw new Error("the plain session has no texts");
    if (version === "1.1.65") {
      const path = (part: typeof question) => join(store.dataDir, "storage", "part", part.messageID, `${part.id}.json`);
      await truncate(path(question), 0);
      const whole = await Bun.file(path(answer)).text();
      await truncate(path(answer), whole.indexOf("single") + 3);
    } else {
      using database = openDatabase(store);
      database.run("update part set data = '' where id = ?", [question.id]);
      database.run("update part set data = substr(data, 1, instr(data, 'single') + 2) where id = ?", [answer.id]);
    }
    const { code, stdout } = await show(store, id, "--json");
    expect(code).toBe(1);
    const shown = JSON.parse(stdout);
    expect(shown.holes).toMatchObject([
      { kind: "part", recordID: question.id, code: "empty", bytes: 0 },
      { kind: "part", recordID: answer.id, code: "truncated" },
    ]);
    expect(JSON.stringify(shown.messages)).toContain('"A sin"');
    const text = await show(store, id);
    expect(text.stdout).toContain("▒▒ HOLE: part");
    expect(text.stdout).toContain("Thank you.");
    await store.home.remove();
  },
);

test.each(["1.1.65", "1.18.33"] as const)(
  "%s: a session without its own record is shown; an unknown one is refused",
  async (version) => {
    const store = await realStore(version);
    const { id } = store.sessions.plain;
    if (version === "1.1.65") await rm(join(store.dataDir, "storage", "session", store.projectID, `${id}.json`));
    else {
      using database = openDatabase(store);
      database.run("pragma foreign_keys = off");
      database.run("delete from session where id = ?", [id]);
    }
    const { stdout } = await show(store, id);
    expect(stdout).toContain("without a record of its own");
    expect(stdout).toContain("A single pixel.");
    expect((await show(store, "ses_nowhere")).code).toBe(2);
    await store.home.remove();
  },
);

test("a message that its answer points to is missed, and control sequences of a stranger do nothing", async () => {
  const store = await realStore("1.1.65");
  const { id, messages } = store.sessions.plain;
  const [first, second] = messages;
  if (!first || !second) throw new Error("the plain session has no messages");
  await rm(join(store.dataDir, "storage", "message", id, `${first.id}.json`));
  const folder = join(store.dataDir, "storage", "part", second.id);
  await mkdir(folder, { recursive: true });
  const escapes = "\u001b[31mred\u001b]0;title\u0007 \u202eright";
  await writeFile(join(folder, "prt_0.json"), JSON.stringify({ type: "text", text: escapes }));
  const { code, stdout } = await show(store, id);
  expect(code).toBe(1);
  expect(stdout).toContain(`HOLE: message ${first.id}: the message that is answered here is missing`);
  for (const control of ["\u001b", "\u0007", "\u202e"]) expect(stdout).not.toContain(control);
  await store.home.remove();
});
