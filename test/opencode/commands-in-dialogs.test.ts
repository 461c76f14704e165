import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HiddenInput, openHiddenDialog } from "../../plugin/opencode/terminal-ui/hidden-dialog.ts";
import type { HiddenSession } from "../../plugin/rescue/hidden.ts";
import { npxCommand, withNpx } from "../../plugin/words/commands.ts";

const FOLDER = "/srv/two words/it's";

interface Shown {
  readonly title: string;
  readonly message?: string;
  readonly options?: readonly { readonly title: string; readonly value: () => Promise<void> | void }[];
}

let folder: string | null = null;

afterEach(() => {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  folder = null;
});

/**
 * Opens the dialog of hidden sessions with an answer of the command line. Returns everything that the dialog showed,
 * the newest last.
 */
async function dialogFor(answer: object): Promise<Shown[]> {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-dialog-"));
  const commandLine = join(folder, "answer.js");
  writeFileSync(commandLine, `console.log(${JSON.stringify(JSON.stringify(answer))});`);
  const shown: Shown[] = [];
  const show = (dialog: Shown) => void shown.push(dialog);
  const dialog = { replace: (render: () => void) => render(), setSize() {}, clear() {} };
  const api = { ui: { dialog, DialogSelect: show, DialogAlert: show, DialogConfirm: show } };
  await openHiddenDialog({ api, commandLine, context: {} } as unknown as HiddenInput);
  return shown;
}

function answerWith(hidden: readonly Partial<HiddenSession>[], unreadStores: readonly object[] = []): object {
  const limits = { beyond: 0, rule: "100 newest", beyondWeb: 0, webAddress: null };
  const facts = { title: "T", updatedMs: 1, directory: FOLDER, suggestion: null };
  const sessions = hidden.map((session) => ({ sessionID: "ses_a", ...facts, ...session }));
  const lists = { target: "opencode.db", hidden: sessions, partlyShown: [], incomplete: [] };
  return { ...lists, unjudged: 0, limits, unreadStores };
}

async function chosen(answer: object): Promise<string> {
  const shown = await dialogFor(answer);
  const option = shown.at(-1)?.options?.find(({ title }) => title === "T");
  await option?.value();
  return shown.at(-1)?.message ?? "";
}

test("a user of the plugin has no program in the PATH, so a dialog names commands with `npx`", async () => {
  const unread = answerWith([], [{ path: "/srv/x.db", origin: "beside", isFolder: false }]);
  expect((await dialogFor(unread)).at(-1)?.message).toContain("`npx opencode-session-repair check --db FILE`");
});

test("a command for a folder that is gone can be copied, with quotes around its words", async () => {
  const text = await chosen(answerWith([{ cause: "moved", reason: "gone" }]));
  expect(text).toEndWith(`npx opencode-session-repair rescue --relink --from '/srv/two words/it'\\''s' --to FOLDER`);
});

test("a command for a record that is gone names npx once", async () => {
  const text = await chosen(answerWith([{ cause: "record-missing", withoutRecord: "ses_a" }]));
  expect(text).toContain("npx opencode-session-repair repair ses_a --only lost-record");
  const command = `Run \`${npxCommand("check")}\`.`;
  expect(withNpx(command)).toBe(command);
  expect(withNpx("`TMPDIR=/f opencode-session-repair …`, not `repair`")).toBe(
    "`TMPDIR=/f npx opencode-session-repair …`, not `repair`",
  );
});
