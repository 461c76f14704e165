import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonHost } from "../host/binary.ts";
import { openDatabase } from "../host/record-place.ts";
import type { SessionName } from "../host/sessions.ts";
import type { RealStore } from "../host/stored-fixture.ts";
import type { Random } from "../oracle/random.ts";

/** Sessions to which nobody sends prompts. The test damages their parts while opencode and other processes work. */
export interface Victims {
  readonly sessionIDs: ReadonlySet<string>;
  /** The ids of all parts that were damaged at any time. */
  readonly damaged: ReadonlySet<string>;
  /**
   * Files of a session that is never damaged. {@link ./slow-writer.ts} rewrites them. The list is empty if the store is
   * a database.
   */
  readonly slowlyWritten: readonly string[];
  /** Damages one to three parts of the small sessions. */
  damageSome(random: Random): void;
  /** Damages `count` parts of the large session. */
  damageMany(random: Random, count: number): void;
  close(): void;
}

const DAMAGED: readonly SessionName[] = ["conversation", "child", "forked", "compacted"];

/** How many parts the large session gets. */
const MANY = 2000;

const DAMAGES: readonly ((original: Buffer) => Buffer)[] = [
  () => Buffer.alloc(0),
  (original) => original.subarray(0, original.length / 2),
  (original) => Buffer.alloc(original.length),
  (original) => Buffer.concat([Buffer.from('{"broken":,'), original]),
];

interface Part {
  readonly id: string;
  readonly messageID: string;
  readonly sessionID: string;
}

export function victimsIn(store: RealStore): Victims {
  const small = DAMAGED.flatMap((name) => {
    const { id: sessionID, messages } = store.sessions[name];
    return messages.flatMap((message) =>
      message.parts.map((part): Part => ({ id: part.id, messageID: message.id, sessionID })),
    );
  });
  const owner = store.sessions.reverted.messages[0];
  const first = owner?.parts[0];
  if (owner === undefined || first === undefined) throw new Error("the reverted session has no part");
  const model: Part = { id: first.id, messageID: owner.id, sessionID: store.sessions.reverted.id };
  const many = Array.from(
    { length: MANY },
    (_, index): Part => ({ ...model, id: `prt_many${String(index).padStart(6, "0")}` }),
  );
  const place = isJsonHost(store.home.version) ? filesOf(store, model) : rowsOf(store, model);
  place.add(many);
  const originals = new Map([...small, ...many].map((part) => [part.id, place.read(part)]));
  const damaged = new Set<string>();
  const damage = (random: Random, parts: readonly Part[]) => {
    for (const { id } of parts) damaged.add(id);
    place.write(parts.map((part) => [part, random.pick(DAMAGES)(originals.get(part.id) ?? Buffer.alloc(0))]));
  };
  return {
    sessionIDs: new Set([...DAMAGED.map((name) => store.sessions[name].id), model.sessionID]),
    damaged,
    slowlyWritten: place.slowlyWritten,
    damageSome: (random) =>
      damage(
        random,
        Array.from({ length: 1 + random.below(3) }, () => random.pick(small)),
      ),
    damageMany(random, count) {
      const from = random.below(many.length - count + 1);
      for (let at = from; at < from + count; at += 50) damage(random, many.slice(at, Math.min(at + 50, from + count)));
    },
    close: place.close,
  };
}

interface Place {
  readonly slowlyWritten: readonly string[];
  add(parts: readonly Part[]): void;
  read(part: Part): Buffer;
  write(changes: readonly (readonly [Part, Buffer])[]): void;
  close(): void;
}

function filesOf(store: RealStore, model: Part): Place {
  const root = join(store.dataDir, "storage", "part");
  const path = ({ messageID, id }: Part) => join(root, messageID, `${id}.json`);
  return {
    slowlyWritten: store.sessions.plain.messages.flatMap(({ id }) =>
      readdirSync(join(root, id)).map((name) => join(root, id, name)),
    ),
    add(parts) {
      const text = readFileSync(path(model), "utf8");
      mkdirSync(join(root, model.messageID), { recursive: true });
      for (const part of parts) writeFileSync(path(part), text.replace(model.id, part.id));
    },
    read: (part) => readFileSync(path(part)),
    write(changes) {
      for (const [part, bytes] of changes) writeFileSync(path(part), bytes);
    },
    close: () => undefined,
  };
}

function rowsOf(store: RealStore, model: Part): Place {
  const database = openDatabase(store);
  database.run("create temp table saved as select * from part");
  const columns = database
    .query<{ name: string }, []>("select name from pragma_table_info('part')")
    .all()
    .map(({ name }) => name);
  const others = columns.filter((name) => name !== "data");
  return {
    slowlyWritten: [],
    add(parts) {
      const copied = columns.map((name) => (name === "id" ? "?1" : name)).join(", ");
      database.transaction(() => {
        for (const table of ["main.part", "saved"]) {
          const insert = database.query(
            `insert into ${table} (${columns.join(", ")}) select ${copied} from main.part where id = ?2`,
          );
          for (const { id } of parts) insert.run(id, model.id);
        }
      })();
    },
    read({ id }) {
      const row = database
        .query<{ data: Uint8Array }, [string]>("select cast(data as blob) as data from part where id = ?")
        .get(id);
      return Buffer.from(row?.data ?? []);
    },
    write(changes) {
      database.transaction(() => {
        for (const [{ id }, bytes] of changes) {
          const value = `cast(x'${bytes.toString("hex")}' as text)`;
          database.run(
            `insert or replace into main.part (${others.join(", ")}, data) select ${others.join(", ")}, ${value} from saved where id = ?`,
            [id],
          );
        }
      })();
    },
    close: () => database.close(),
  };
}
