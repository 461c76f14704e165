import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { briefDocument } from "../../plugin/records/brief-document.ts";
import { readBrief } from "../../plugin/stores/sqlite/cell-pieces.ts";
import { type Connection, loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { scratchFolder } from "./scratch.ts";

/** A text of this many bytes is read in two pieces. */
const FILL = "x".repeat(5 * 1024 * 1024);
const OLD = `{"type":"text","text":"${FILL}","time":{"start":1}}`;
/** The first piece is the same as in `OLD`. In the second piece, one text ends and another begins. */
const NEW = `{"type":"text","text":"${FILL.slice(20)}","more":"123456789012","time":7777}`;

let scratch: ReturnType<typeof scratchFolder>;
let opencode: Database;
let connection: Connection;

beforeEach(async () => {
  scratch = scratchFolder();
  const path = `${scratch.path}/opencode.db`;
  opencode = new Database(path, { create: true });
  opencode.run("pragma journal_mode = wal");
  opencode.run("create table part (id text primary key, data text)");
  opencode.run("insert into part values ('prt_1', ?)", [OLD]);
  const opened = (await loadDriver())?.open(path, "read");
  if (opened === undefined) throw new Error("there is no SQLite");
  connection = opened;
});

afterEach(() => {
  connection.close();
  opencode.close();
  scratch.remove();
});

const cellOf = (reader: Connection) => ({
  connection: reader,
  column: "data",
  from: "from part where id = ?",
  values: ["prt_1"],
});

test("a record that opencode writes between two pieces is judged by one of its texts, and never by two halves", () => {
  let pieces = 0;
  const watched: Connection = {
    ...connection,
    all(sql, ...values) {
      const rows = connection.all(sql, ...values);
      if (rows[0] !== undefined && "piece" in rows[0]) pieces += 1;
      // opencode is not blocked, so this write succeeds at once.
      if (pieces === 1) opencode.run("update part set data = ? where id = 'prt_1'", [NEW]);
      return rows;
    },
  };
  const brief = readBrief(cellOf(watched), OLD.length);
  expect(pieces).toBe(2);
  expect(brief?.text).toBe(briefDocument([Buffer.from(OLD)])?.text ?? "");
  expect(readBrief(cellOf(connection), NEW.length)?.text).toBe(briefDocument([Buffer.from(NEW)])?.text ?? "");
});

test("a record that got another length since it was listed is not read in pieces", () => {
  expect(readBrief(cellOf(connection), OLD.length - 1)).toBeNull();
  expect(readBrief(cellOf(connection), OLD.length + 1)).toBeNull();
});

test("an error of the disk is told as such, although SQLite has ended the transaction with it", () => {
  const failing: Connection = {
    ...connection,
    all(sql, ...values) {
      if (!sql.includes("piece")) return connection.all(sql, ...values);
      connection.exec("rollback");
      throw new Error("SQLITE_IOERR_READ");
    },
  };
  expect(() => readBrief(cellOf(failing), OLD.length)).toThrow("SQLITE_IOERR_READ");
});
