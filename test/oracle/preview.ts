import { Database } from "bun:sqlite";
import { locatorText } from "../../plugin/model/artifact.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { half2xOf } from "../../plugin/repair/check-2x.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { withMessagesOf2x } from "../../plugin/stores/sqlite/origin.ts";
import type { PreviewHost } from "../host/preview-host.ts";
import { PREVIEW_COLUMNS, PREVIEW_DOCUMENTS, type PreviewStore, previewStore } from "../host/preview-store.ts";
import type { Json } from "../records/samples.ts";
import { damageDocument } from "./document-damage.ts";
import type { Disagreement, OracleInput, OracleResult } from "./oracle.ts";
import { Random } from "./random.ts";
import { CELLS, documentChange } from "./sqlite-records.ts";

/**
 * The oracle for the preview of opencode 2.x. It damages one row of `session` or `session_message` at a time, and asks
 * the running host over HTTP.
 */
export async function runPreviewOracle(input: Omit<OracleInput, "version">): Promise<OracleResult> {
  const store = await previewStore();
  try {
    return await compare(store, input);
  } finally {
    await store.close();
  }
}

type Cell = string | number | bigint | Uint8Array | null;

interface Row {
  readonly table: "session" | "session_message";
  readonly rowID: bigint;
  readonly id: string;
  readonly sessionID: string;
}

interface Mutation {
  readonly column: string;
  readonly what: string;
  readonly sql: string;
  readonly value: Cell;
}

async function compare(store: PreviewStore, { seed, count, onDisagreement }: Omit<OracleInput, "version">) {
  using database = new Database(store.path, { safeIntegers: true });
  database.run("pragma busy_timeout = 5000");
  database.run("pragma foreign_keys = off");
  const rows = rowsOf(database);
  const random = new Random(seed);
  const disagreements: Disagreement[] = [];
  let failing = 0;
  await expectHealthy(store, rows);
  for (let index = 0; index < count; ) {
    const row = random.pick(rows[random.chance(0.75) ? "session_message" : "session"]);
    const original = database.query(`select * from "${row.table}" where rowid = ?`).get(row.rowID) as Record<
      string,
      Cell
    >;
    const mutation = mutationOf(row, original, random);
    if (mutation === null || !apply(database, row, mutation)) continue;
    index += 1;
    const now = database.query(`select id from "${row.table}" where rowid = ?`).get(row.rowID) as { id: Cell };
    const host = await answerOf(store.host, row, String(now.id));
    // A warning that names the preview counts as an error here. It is only a warning because 1.18 does not fail on the
    // record.
    const found = (await findings(store)).filter(({ hosts }) => hosts !== undefined);
    if (host !== null) failing += 1;
    const isOther = found.some((finding) => !locatorText(finding.locator).startsWith(`${row.table}:id=${now.id}`));
    if ((host !== null) !== found.length > 0 || isOther) {
      const check = found.map(({ code, evidence }) => `${code} (${evidence})`).join("; ") || "nothing";
      const { what, column } = mutation;
      const said = { index, what: `${row.table}.${column}: ${what}`, locator: row.id, host: host ?? "200", check };
      disagreements.push(said);
      onDisagreement?.(said);
    }
    restore(database, row, original);
  }
  await expectHealthy(store, rows);
  return { mutations: count, failing, disagreements };
}

function rowsOf(database: Database): Readonly<Record<Row["table"], readonly Row[]>> {
  const list = (table: Row["table"], session: string): Row[] =>
    (
      database.query(`select rowid as at, id, ${session} as session from "${table}"`).all() as Record<string, Cell>[]
    ).map(({ at, id, session: own }) => ({ table, rowID: at as bigint, id: String(id), sessionID: String(own) }));
  return { session: list("session", "id"), session_message: list("session_message", "session_id") };
}

/** Columns that say where a row belongs. Another value there would move the row, not damage it. */
const PLACES = ["id", "session_id", "project_id", "seq", "directory"];

function mutationOf(row: Row, original: Record<string, Cell>, random: Random): Mutation | null {
  if (row.table === "session_message") {
    const dice = random.next();
    if (dice < 0.85) {
      const [type, sample] = random.pick(PREVIEW_DOCUMENTS);
      const isOwn = type === original.type || random.chance(0.1);
      const document = isOwn ? sample : JSON.parse(String(original.data));
      return documentChange("data", damageDocument(document as Json, random));
    }
    if (dice < 0.9) return otherID(original, random);
    const type = random.pick([...PREVIEW_DOCUMENTS.map(([each]) => each), "skill", "idle", "toString", ""]);
    if (dice < 0.95) return { column: "type", what: `now ${type}`, sql: "?1", value: type };
    return cell(["type", "time_created", "time_updated"], random);
  }
  if (random.chance(0.6)) {
    const column = random.pick(Object.keys(PREVIEW_COLUMNS));
    const sample = random.pick(PREVIEW_COLUMNS[column] ?? []);
    return documentChange(column, damageDocument(sample as Json, random));
  }
  if (random.chance(0.1)) return otherID(original, random);
  const json = Object.keys(PREVIEW_COLUMNS);
  if (random.chance(0.3)) return directoryCell(random);
  return cell(
    Object.keys(original).filter((column) => !PLACES.includes(column) && !json.includes(column)),
    random,
  );
}

function otherID(original: Record<string, Cell>, random: Random): Mutation {
  const id = String(original.id);
  const value = random.pick([`x${id}`, id.replace("_", ""), id.toUpperCase(), `${id.slice(0, 4)}other`]);
  return { column: "id", what: `now ${value}`, sql: "?1", value };
}

/**
 * Returns a path of a folder that exists, or of one that does not. Each missing folder has a new name, because the
 * preview remembers until its end what it found at a path.
 */
function directoryCell(random: Random): Mutation {
  const gone = `gone-${random.below(1e9)}`;
  const value = random.pick([
    `/tmp/${gone}`,
    `/tmp/${gone}/a/b`,
    `/${gone}`,
    `/dev/null/${gone}`,
    `/tmp/${gone}${"x".repeat(300)}`,
    "/dev/null",
    "/proc/self/cwd",
    "/tmp/",
    "/tmp/../tmp",
    "/tmp",
    "/",
    "",
    "tmp",
    "./tmp",
    "C:/tmp",
    "C:\\tmp",
    "file:///tmp",
    "http://localhost/tmp",
  ]);
  return { column: "directory", what: `now ${value}`, sql: "?1", value };
}

function cell(columns: readonly string[], random: Random): Mutation {
  const [what, sql] = random.pick(CELLS);
  return { column: random.pick(columns), what, sql, value: null };
}

function apply(database: Database, { table, rowID }: Row, { column, sql, value }: Mutation): boolean {
  try {
    database.query(`update "${table}" set "${column}" = ${sql} where rowid = ?2`).run(value, rowID);
    return true;
  } catch (error) {
    if (error instanceof Error && /constraint/i.test(error.message)) return false;
    throw error;
  }
}

function restore(database: Database, { table, rowID }: Row, original: Record<string, Cell>): void {
  const columns = Object.keys(original);
  database
    .query(`update "${table}" set ${columns.map((name) => `"${name}" = ?`).join(", ")} where rowid = ?`)
    .run(...columns.map((name) => original[name] ?? null), rowID);
}

/**
 * The first answer of the host that is not 200, or `null` if all are 200. A session whose id was changed is only looked
 * for in the list.
 */
async function answerOf(host: PreviewHost, row: Row, id: string): Promise<string | null> {
  const isMoved = row.table === "session" && id !== row.id;
  const routes =
    row.table === "session"
      ? ["/api/session?limit=200", ...(isMoved ? [] : [`/api/session/${row.id}`])]
      : [
          `/api/session/${row.sessionID}/message?limit=200`,
          `/api/session/${row.sessionID}/message/${encodeURIComponent(id)}`,
        ];
  for (const route of routes) {
    const { status, body } = await host.get(route);
    if (status !== 200) return `GET ${route} ${status} ${JSON.stringify(body).slice(0, 200)}`;
  }
  return null;
}

async function findings(store: PreviewStore): Promise<readonly ConfirmedFinding[]> {
  const located = { dataDir: store.home.dataDir, json: "none" as const, databases: [store.path] };
  const [opened] = await openStores(nodeFileSystem, located, "outside");
  if (opened?.state !== "ok" || opened.origin === null || opened.half2x === null)
    throw new Error("not a database of it");
  try {
    const origin = withMessagesOf2x(opened.origin, opened.sessionsOf2x());
    const input = { files: nodeFileSystem, store: 0, sessionIDs: [], signal: undefined };
    const found = await half2xOf(opened, origin, input, "outside");
    if (found === null) throw new Error("no profile");
    return found.findings;
  } finally {
    opened.store.close();
  }
}

async function expectHealthy(store: PreviewStore, rows: Readonly<Record<Row["table"], readonly Row[]>>): Promise<void> {
  const found = await findings(store);
  if (found.length > 0) throw new Error(`undamaged, and check finds ${JSON.stringify(found)}`);
  for (const row of [...rows.session, ...rows.session_message]) {
    const answer = await answerOf(store.host, row, row.id);
    if (answer !== null) throw new Error(`undamaged, and ${answer}`);
  }
}
