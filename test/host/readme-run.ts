/**
 * `bun test/host/readme-run.ts [WORDS]`
 * Tries to open damaged and hidden sessions with only the README. A real opencode prints a text, and the table of the
 * README must have a row with this text. The commands of that row, or the next commands that they print, must make
 * opencode open the session. At most two commands are allowed. With WORDS, only states with these words in their name
 * are tried.
 */
import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { lineFor } from "./readme-table.ts";
import { openDatabase } from "./record-place.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

const MOST_COMMANDS = 2;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface State {
  readonly name: string;
  readonly version: HostVersion;
  /** The version that wrote the store, if another version opens it. */
  readonly writtenBy?: HostVersion;
  readonly damage: (store: RealStore) => void | Promise<void>;
  /**
   * What opencode prints, answers or logs. With `null`, opencode prints nothing, and the row describes what the user
   * sees.
   */
  readonly prints: RegExp | null;
  /** Words that find the row of the table. */
  readonly line: readonly string[];
  /** Whether the session is open. If this is missing, opencode must list the session and answer with its messages. */
  readonly isOpen?: (host: RunningHost, store: RealStore) => Promise<boolean>;
}

function sql(store: RealStore, ...statements: readonly string[]): void {
  using database = openDatabase(store);
  database.run("pragma foreign_keys = off");
  for (const statement of statements) database.run(statement);
}

const database = ({ dataDir }: RealStore) => join(dataDir, "opencode.db");

/**
 * Moves everything from the WAL to the database file and removes the WAL. Otherwise the WAL would hide a damaged page.
 */
function withoutLog(store: RealStore): Buffer {
  const connection = new Database(database(store));
  connection.run("pragma wal_checkpoint(truncate)");
  connection.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(database(store) + suffix, { force: true });
  return readFileSync(database(store));
}

/** The root page of a table. */
function rootOf(store: RealStore, table: string): number {
  using connection = new Database(database(store), { readonly: true });
  const row = connection.query("select rootpage as page from sqlite_schema where name = ?").get(table);
  return (row as { page: number }).page;
}

const STATES: readonly State[] = [
  {
    name: "an empty part in 1.1.65",
    version: "1.1.65",
    damage: (store) => void emptyPart(store, store.sessions.plain),
    prints: /Unexpected end of JSON input/,
    line: ["Unexpected end of JSON input"],
  },
  {
    name: "an empty part in 1.2.27",
    version: "1.2.27",
    damage: (store) => void emptyPart(store, store.sessions.plain),
    prints: /JSON Parse error: Unexpected EOF/,
    line: ["JSON Parse error: Unexpected EOF"],
  },
  {
    name: "an empty part in 1.18.33",
    version: "1.18.33",
    damage: (store) => void emptyPart(store, store.sessions.plain),
    prints: /Unexpected server error. Check server logs/,
    line: ["Unexpected server error. Check server logs"],
  },
  {
    name: "an empty session: its message has 0 bytes, 1.1.65",
    version: "1.1.65",
    damage: ({ dataDir, sessions: { plain } }) =>
      writeFileSync(join(dataDir, "storage", "message", plain.id, `${plain.messages[0]?.id}.json`), ""),
    prints: null,
    line: ["opens **empty**"],
  },
  {
    name: "a damaged page, 1.18.33",
    version: "1.18.33",
    damage: (store) => {
      const root = rootOf(store, "session");
      const bytes = withoutLog(store);
      bytes.fill(0xaa, (root - 1) * 4096, root * 4096);
      writeFileSync(database(store), bytes);
    },
    prints: /database disk image is malformed/,
    line: ["database disk image is malformed"],
  },
  {
    name: "no database any more, 1.2.27",
    version: "1.2.27",
    damage: (store) => {
      const bytes = withoutLog(store);
      bytes.fill(0x20, 0, 100);
      writeFileSync(database(store), bytes);
    },
    prints: /file is not a database/,
    line: ["file is not a database"],
  },
  {
    name: "a column of all sessions is gone, 1.14.41",
    version: "1.14.41",
    damage: (store) => sql(store, "alter table session drop column permission"),
    // SQLite reads a quoted column name as a text if there is no such column.
    prints: /JSON Parse error: Unexpected identifier/,
    line: ["JSON Parse error: Unexpected identifier"],
  },
  {
    name: "malformed JSON stops an upgrade, 1.14.41 to 1.18.33",
    version: "1.18.33",
    writtenBy: "1.14.41",
    damage: (store) =>
      sql(store, `update message set data = '{"role":' where id = '${store.sessions.plain.messages[1]?.id}'`),
    // SQLite reports "malformed JSON", but 1.18.33 only prints the failed query.
    prints: /Failed query/,
    line: ["malformed JSON", "Failed query"],
  },
  {
    name: "a moved folder, 1.18.33",
    version: "1.18.33",
    damage: (store) =>
      sql(
        store,
        `update session set directory = replace(directory, '${store.project}', '/nowhere/before')`,
        `update project set worktree = replace(worktree, '${store.project}', '/nowhere/before')`,
      ),
    prints: null,
    line: ["moved, renamed"],
  },
  {
    name: "sessions gone after an upgrade, 1.1.65 to 1.18.33",
    version: "1.18.33",
    writtenBy: "1.1.65",
    damage: () => undefined,
    prints: null,
    line: ["Session not found", "upgrade"],
  },
  {
    name: "a journal that was cut off, 1.14.41",
    version: "1.14.41",
    damage: (store) => sql(store, "delete from __drizzle_migrations where id > 3"),
    prints: /CREATE TABLE|already exists|duplicate column name/,
    line: ["CREATE TABLE project"],
  },
  {
    name: "thinking for ever, 1.2.27",
    version: "1.2.27",
    damage: async (store) => {
      const last = store.sessions.conversation.messages.at(-1);
      sql(
        store,
        `update part set data = json_set(data, '$.state.status', 'running') where message_id = '${last?.id}' and json_extract(data, '$.type') = 'tool'`,
        `update message set data = json_remove(data, '$.time.completed', '$.finish') where id = '${last?.id}'`,
      );
    },
    prints: null,
    line: ['"Thinking" for ever'],
    isOpen: async (host, store) => {
      const { body } = await host.get(`/session/${store.sessions.conversation.id}/message`);
      const last = (body as { info: { time: { completed?: number } } }[]).at(-1);
      return last?.info.time.completed !== undefined;
    },
  },
];

/** Everything that a user can see when opencode starts, lists the sessions and opens one. */
async function seenIn(store: RealStore, version: HostVersion): Promise<string> {
  const seen: string[] = [];
  try {
    const host = await startHost({ home: store.home, version });
    for (const path of [
      "/session",
      ...["message", "todo"].map((what) => `/session/${store.sessions.plain.id}/${what}`),
    ]) {
      seen.push(JSON.stringify(await host.get(path)));
    }
    seen.push(host.stdout(), host.stderr());
    await host.stop();
  } catch (error) {
    seen.push(String(error));
  }
  const logs = join(store.home.dataDir, "log");
  if (existsSync(logs)) for (const name of readdirSync(logs)) seen.push(readFileSync(join(logs, name), "utf8"));
  return seen.join("\n");
}

async function isOpenIn(store: RealStore, version: HostVersion, own: State["isOpen"]): Promise<boolean> {
  const { plain } = store.sessions;
  const host = await startHost({ home: store.home, version });
  try {
    const listed = await host.get("/session");
    const messages = await host.get(`/session/${plain.id}/message`);
    const isListed = listed.status === 200 && JSON.stringify(listed.body).includes(plain.id);
    const isLoaded = messages.status === 200 && (messages.body as unknown[]).length > 0;
    return isListed && isLoaded && (own === undefined || (await own(host, store)));
  } finally {
    await host.stop();
  }
}

/** The arguments of the command that an answer names as the next step. `null` if it names none. */
function nextIn(answer: string): string[] | null {
  const named = answer.split("\n").flatMap((line) => {
    const [, words] = /^\s*(?:Next: |If you [^:]*: )?(?:npx )?opencode-session-repair ([^`]*)$/.exec(line) ?? [];
    return words === undefined ? [] : [words];
  });
  const [, advised] = /`opencode-session-repair (salvage [^`]*)`/.exec(answer.replace(/\s+/g, " ")) ?? [];
  return (named[0] ?? advised)?.trim().split(" ") ?? null;
}

/** The lines about errors in opencode's output, shortened. */
function linesOfErrors(seen: string): string {
  const lines = seen.split(/\n|\\n/).filter((line) => /error|unexpected|fail|json parse/i.test(line));
  return lines
    .map((line) => line.slice(0, 300))
    .slice(0, 6)
    .join("\n    ");
}

async function tryState(state: State): Promise<string[]> {
  const store = await realStore(state.writtenBy ?? state.version);
  const problems: string[] = [];
  try {
    await state.damage(store);
    const seen = await seenIn(store, state.version);
    if (state.prints !== null && !state.prints.test(seen)) {
      problems.push(`the host does not print ${state.prints}: ${linesOfErrors(seen)}`);
    }
    if (await isOpenIn(store, state.version, state.isOpen).catch(() => false)) problems.push("it was open before");
    const line = lineFor(...state.line);
    const queue = line.commands.map((words) => [...words]);
    const typed: string[] = [];
    let said = "";
    const env = { HOME: store.home.root, ...store.home.env };
    while (queue.length > 0 && typed.length < MOST_COMMANDS) {
      const words = queue.shift() ?? [];
      typed.push(words.join(" ") || "check");
      const doer = ["repair", "salvage", "rescue", "restore"].includes(words[0] ?? "");
      const isListing = words[0] === "rescue" && words.length === 1;
      const answer = await runCli([...words, ...(doer && !isListing ? ["--yes"] : []), "--data-dir", store.dataDir], {
        env,
      });
      say(`  $ ${typed.at(-1)} (${answer.code})`);
      say(`${answer.stdout}${answer.stderr}`.trim().replace(/^/gm, "    "));
      said = answer.stdout;
      const next = nextIn(said);
      if (queue.length === 0 && next !== null && typed.length < MOST_COMMANDS) {
        queue.push(next.filter((word, index) => word !== "--data-dir" && next[index - 1] !== "--data-dir"));
      }
    }
    const tried = typed.join(" · ");
    if (await isOpenIn(store, state.version, state.isOpen)) say(`  open after ${typed.length}: ${tried}`);
    else problems.push(`not open after: ${tried}`);
  } finally {
    await store.home.remove();
  }
  return problems;
}

const wanted = process.argv.slice(2).join(" ");
let failed = 0;
for (const state of STATES.filter(({ name }) => name.includes(wanted))) {
  say(`\n${state.name}`);
  const problems = await tryState(state).catch((error: unknown) => [String(error)]);
  for (const problem of problems) say(`  NOT: ${problem}`);
  failed += problems.length === 0 ? 0 : 1;
}
await removeHomes();
say(`\n${failed === 0 ? "Every state was opened." : `${failed} of the states were not opened.`}`);
process.exitCode = failed === 0 ? 0 : 1;
