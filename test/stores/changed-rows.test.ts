import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { changedRowIDs } from "../../plugin/stores/sqlite/changed-rows.ts";
import { changesSince, type WalPosition } from "../../plugin/stores/sqlite/wal-frames.ts";
import { type Scratch, scratchFolder } from "./scratch.ts";
import "../property/seeded.ts";

let scratch: Scratch | null = null;
afterEach(() => scratch?.remove());

function database(): { path: string; db: Database } {
  scratch = scratchFolder();
  const path = join(scratch.path, "opencode.db");
  const db = new Database(path);
  db.exec("pragma journal_mode = wal; pragma synchronous = off; create table part (id text primary key, data text)");
  return { path, db };
}

const contents = (db: Database): Map<string, string> =>
  new Map(
    db
      .query<{ at: number; data: string }, []>("select rowid as at, data from part")
      .all()
      .map(({ at, data }) => [String(at), data]),
  );

const step = fc.oneof(
  fc.record({ what: fc.constant("insert" as const), size: fc.nat(20_000), seed: fc.nat(25) }),
  fc.record({ what: fc.constant("update" as const), row: fc.nat(60), size: fc.nat(20_000), seed: fc.nat(25) }),
  // The new value has the same length. So SQLite may write into the middle of a long row and leave its beginning
  // unchanged.
  fc.record({ what: fc.constant("patch" as const), row: fc.nat(60), at: fc.nat(20_000) }),
  fc.record({ what: fc.constant("delete" as const), row: fc.nat(60) }),
  fc.record({ what: fc.constant("checkpoint" as const) }),
  fc.record({ what: fc.constant("look" as const) }),
);

describe("rows that were written, told by the log", () => {
  test("every changed row is among them, or the answer is that it cannot be told", () => {
    let told = 0;
    let lost = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const { path, db } = database();
        try {
          let position: WalPosition | null = null;
          let before = contents(db);
          const look = () => {
            const changes = changesSince(`${path}-wal`, position);
            const now = contents(db);
            if (changes === "lost") {
              lost += 1;
              const again = changesSince(`${path}-wal`, null);
              position = again === "lost" ? null : again.position;
            } else {
              const rowIDs = changedRowIDs(changes.pages);
              if (rowIDs === null) lost += 1;
              else if (position !== null) {
                told += 1;
                const named = new Set(rowIDs);
                for (const [id, data] of now) if (before.get(id) !== data) expect(named.has(id)).toBe(true);
              }
              position = changes.position;
            }
            before = now;
          };
          look();
          let made = 0;
          for (const each of steps) {
            const ids = db.query<{ id: string }, []>("select id from part order by id").all();
            const id = "row" in each ? ids[each.row % Math.max(1, ids.length)]?.id : undefined;
            if (each.what === "look") look();
            else if (each.what === "checkpoint") db.exec("pragma wal_checkpoint(passive)");
            else if (each.what === "insert") {
              made += 1;
              db.run("insert into part values (?, ?)", [
                `prt_${made}`,
                String.fromCharCode(97 + each.seed).repeat(each.size),
              ]);
            } else if (id === undefined) continue;
            else if (each.what === "delete") db.run("delete from part where id = ?", [id]);
            else if (each.what === "update") {
              db.run("update part set data = ? where id = ?", [
                String.fromCharCode(97 + each.seed).repeat(each.size),
                id,
              ]);
            } else {
              db.run(
                "update part set data = substr(data, 1, ?1 % (length(data) + 1)) || 'Z' || substr(data, ?1 % (length(data) + 1) + 2) where id = ?2 and length(data) > ?1 % (length(data) + 1)",
                [each.at, id],
              );
            }
          }
          look();
        } finally {
          db.close();
          scratch?.remove();
        }
      }),
      {
        numRuns: 150,
        examples: [
          // The log starts again twice between two looks. The first of these logs is shorter than the log at the first
          // look.
          [
            [
              { what: "insert", size: 0, seed: 0 },
              { what: "insert", size: 0, seed: 0 },
              { what: "checkpoint" },
              { what: "look" },
              { what: "update", row: 0, size: 167, seed: 0 },
              { what: "insert", size: 3882, seed: 0 },
              { what: "checkpoint" },
              { what: "insert", size: 0, seed: 0 },
            ],
          ],
        ],
      },
    );
    expect(told).toBeGreaterThan(lost);
  });
});
