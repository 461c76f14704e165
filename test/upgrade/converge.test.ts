import { expect, test } from "bun:test";
import fc from "fast-check";
import { nodeFileSystem as files, locate } from "../../plugin/api.ts";
import { repairThroughout } from "../../plugin/repair/converge.ts";
import { isRepairable } from "../../plugin/repair/plan.ts";
import { checkUpgrade, type UpgradeResult } from "../../plugin/upgrade/check-upgrade.ts";
import { damageDocument } from "../oracle/document-damage.ts";
import { Random } from "../oracle/random.ts";
import { RUNS } from "../property/runs.ts";
import "../property/seeded.ts";
import { toolFor } from "../host/tool.ts";
import { type ImportCase, NEIGHBOURS, TABLE_CASES } from "./import-cases.ts";
import { CREATED, type Rows } from "./import-rows.ts";
import { storeOf } from "./import-store.ts";

const CASES = [...TABLE_CASES, ...NEIGHBOURS];

/** Further damages of a session's rows. A random number decides where each damage is. */
const OTHERS: readonly ((rows: Rows, random: Random) => void)[] = [
  ({ messages, parts }, random) => damageText(random.pick([...messages, ...parts]), random),
  ({ messages, parts }, random) => damageText(random.pick([...messages, ...parts]), random),
  (rows, random) => rename(rows, random.pick(rows.messages), random),
  ({ parts }, random) =>
    void Object.assign(random.pick(parts), { id: `${random.pick(["part_", "memory-", "prt"])}${random.below(1e9)}` }),
  ({ parts }, random) => void Object.assign(random.pick(parts), { session_id: "ses_elsewhere" }),
  ({ messages }, random) => {
    const column = random.pick(["time_created", "time_updated"]);
    random.pick(messages)[column] = random.pick(["abc", CREATED + 0.5, -1, 9e15, ""]);
  },
  ({ parts }, random) => {
    const url = random.pick(["data:text/plain,%", "data:a/b;base64,%zz", "data:,%ff", "file:///a", "data:x"]);
    const message = random.pick(parts).message_id ?? "msg_1";
    const data = JSON.stringify({ type: "file", mime: "text/plain", url });
    parts.push({ ...parts[0], id: `prt_file${parts.length}`, message_id: message, data });
  },
];

function damageText(row: Rows["session"], random: Random): void {
  let document: unknown;
  try {
    document = JSON.parse(String(row.data));
  } catch {
    return;
  }
  row.data = damageDocument(document as Parameters<typeof damageDocument>[0], random).bytes.toString("utf8");
}

/** Gives a message another id. Its parts and the documents that name it get the new id only in some cases. */
function rename({ messages, parts }: Rows, message: Rows["session"], random: Random): void {
  const [from, to] = [message.id, `${random.pick(["msg", "msgX", "msg_", "message-"])}${random.below(1e9)}`];
  if (messages.some(({ id }) => id === to)) return;
  message.id = to;
  if (random.chance(0.8)) for (const each of parts) if (each.message_id === from) each.message_id = to;
  if (random.chance(0.5))
    for (const each of messages)
      each.data = typeof each.data === "string" ? each.data.replaceAll(`"${from}"`, `"${to}"`) : (each.data ?? "");
}

/**
 * Applies a case to the rows. If an earlier case has changed the rows so that this case does not fit, it is left out.
 */
function changeIfFit({ change }: ImportCase, rows: Rows): void {
  const before = structuredClone(rows);
  try {
    change(rows);
  } catch {
    Object.assign(rows, before);
  }
}

const damaged: fc.Arbitrary<ImportCase> = fc
  .record({
    cases: fc.array(fc.nat({ max: CASES.length - 1 }), { maxLength: 3 }),
    others: fc.array(fc.tuple(fc.nat({ max: OTHERS.length - 1 }), fc.nat()), { maxLength: 4 }),
  })
  .map(({ cases, others }) => {
    const chosen = cases.flatMap((index) => CASES[index] ?? []);
    const change = (rows: Rows) => {
      for (const each of chosen) changeIfFit(each, rows);
      for (const [index, seed] of others) {
        if (rows.messages.length > 0 && rows.parts.length > 0) OTHERS[index]?.(rows, new Random(seed));
      }
      for (const list of [rows.messages, rows.parts]) {
        for (const [index, each] of list.entries()) {
          if (list.findIndex(({ id }) => id === each.id) < index) each.id = `${each.id}-again${index}`;
        }
      }
    };
    const name = [...chosen.map((each) => each.name), ...others.map(String)].join(" + ");
    return { name, change, outcomes: {}, left: {} };
  });

async function checked(dataDir: string): Promise<UpgradeResult> {
  const found = await locate(files, { env: {}, dataDir });
  if (!found.ok) throw new Error(found.message);
  const outcome = await checkUpgrade({ files, located: found.located, sessionIDs: [], concurrency: 4 });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

/** Runs the same repair as `repair --for 2.x --yes`. */
async function repaired(dataDir: string) {
  const found = await locate(files, { env: {}, dataDir });
  if (!found.ok) throw new Error(found.message);
  const where = { files, located: found.located, access: "outside" as const, trigger: "cli" as const };
  const { findings } = await checked(dataDir);
  const selection = { codes: null, unasked: false };
  const findAgain = async () => (await checked(dataDir)).findings;
  return repairThroughout({ ...where, findings, selection, hostVersion: null, findAgain });
}

test("one run of repair --for 2.x does all that can be done, whatever is wrong together, and is undone to the byte", async () => {
  const property = fc.asyncProperty(fc.array(damaged, { minLength: 20, maxLength: 30 }), async (sessions) => {
    const store = await storeOf(sessions);
    try {
      const image = store.image();
      const { items, runID, stopped } = await repaired(store.dataDir);
      expect(stopped).toBeNull();
      expect(items.filter(({ action }) => action === "skipped")).toEqual([]);
      const once = store.image();
      // For the findings that remain, no value can be derived.
      expect((await checked(store.dataDir)).findings.filter(isRepairable)).toEqual([]);
      expect((await repaired(store.dataDir)).items).toEqual([]);
      expect(store.image()).toEqual(once);
      if (runID !== null) await (await toolFor(store.dataDir)).restore(runID);
      expect(store.image()).toEqual(image);
    } finally {
      store.remove();
    }
  });
  await fc.assert(property, { numRuns: Math.ceil(RUNS / 10) });
});
