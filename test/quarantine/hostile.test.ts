import { afterEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { NotAFolderError } from "../../plugin/platform/durable.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { askCli } from "../command-line/cli-service.ts";
import { damagedJsonStore, damagedSqliteStore } from "../crash/damaged-stores.ts";
import { checkAndRepair, purgeEverything } from "../repair/tool.ts";
import { folderImage } from "../stores/json-fixture.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";

const ESCAPE = "\u001b";

type Json = Record<string, unknown>;

/** A repaired store. Somebody has changed one of its runs in quarantine. */
interface Spoilt {
  readonly store: StoreUnderTest;
  readonly runID: string;
  /** The absolute path of the changed run. */
  readonly run: string;
  /** A folder beside the data directory, in which no command may change anything. */
  readonly outside: string;
}

interface Attack {
  readonly name: string;
  spoil(spoilt: Spoilt): void;
}

let current: StoreUnderTest | null = null;
afterEach(() => current?.remove());

async function repaired(create: () => StoreUnderTest | Promise<StoreUnderTest>): Promise<Spoilt> {
  const store = await create();
  current = store;
  const { manifests, runID } = await checkAndRepair(store.dataDir);
  const ofSession = manifests.find((path) => path.includes("/ses_a/")) ?? "";
  const outside = join(dirname(store.dataDir), "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "a secret");
  return { store, runID: runID ?? "", run: dirname(ofSession), outside };
}

function edited(change: (manifest: Json, item: Json, spoilt: Spoilt) => void): Attack["spoil"] {
  return (spoilt) => {
    const path = join(spoilt.run, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as Json;
    change(manifest, (manifest.items as Json[])[0] ?? {}, spoilt);
    writeFileSync(path, JSON.stringify(manifest));
  };
}

const text = (change: (text: string) => string): Attack["spoil"] => {
  return ({ run }) => {
    const path = join(run, "manifest.json");
    writeFileSync(path, change(readFileSync(path, "utf8")));
  };
};

const original = (change: Json): Attack["spoil"] => edited((_, item) => Object.assign(item.original as Json, change));

const moved = (path: (run: string) => string): Attack["spoil"] => {
  return ({ run, outside }) => {
    renameSync(path(run), join(outside, "elsewhere"));
    symlinkSync(join(outside, "elsewhere"), path(run));
  };
};

const firstItem = (run: string) => join(run, "items", readdirSync(join(run, "items")).sort()[0] ?? "");

const NESTED = 200_000;

/** With any of these changes, and in every kind of store, the run cannot be undone, and the command says so. */
const ATTACKS: readonly Attack[] = [
  ...["../outside/x", "/tmp/x", "items/../../x", "items/a/b", "items/.x", "manifest.json", "items/x\0y", ""].map(
    (file): Attack => ({ name: `item file ${JSON.stringify(file)}`, spoil: original({ file }) }),
  ),
  ...[2 ** 53, 1e308, -1, 0.5].map((bytes): Attack => ({ name: `${bytes} bytes`, spoil: original({ bytes }) })),
  { name: "a giant offset", spoil: original({ offset: 1e300 }) },
  { name: "a setuid mode beyond four digits", spoil: original({ mode: "104755" }) },
  ...["..", "../../outside", "ses_x", "ses_a/../../outside", "ses_\u001b[2J"].map(
    (sessionID): Attack => ({
      name: `session ${JSON.stringify(sessionID)}`,
      spoil: edited((manifest) => Object.assign(manifest, { sessionID })),
    }),
  ),
  ...["20200101T000000000Z-0000-00000000", "../x", "20200101T000000000Z-0000-00000000/.."].map(
    (runID): Attack => ({ name: `run ${runID}`, spoil: edited((manifest) => Object.assign(manifest, { runID })) }),
  ),
  {
    name: "an item twice",
    spoil: edited((manifest, item) => Object.assign(manifest, { items: [item, item] })),
  },
  {
    name: "a place twice",
    spoil: edited((manifest, item) => Object.assign(manifest, { items: [item, { ...item, id: "0099" }] })),
  },
  { name: "a key of a prototype", spoil: text((json) => json.replace("{", '{"__proto__": {"state": "done"},')) },
  { name: "a constructor", spoil: text((json) => json.replace("{", '{"constructor": {"prototype": {}},')) },
  {
    name: "deep nesting where anything may stand",
    spoil: (spoilt) => {
      const fields = [{ path: [], to: "DEEP" }];
      edited((_, item) => Object.assign(item, { replacement: { source: "", sha256: "0".repeat(64), fields } }))(spoilt);
      text((json) => json.replace('"DEEP"', "[".repeat(NESTED) + "]".repeat(NESTED)))(spoilt);
    },
  },
  { name: "deep nesting as a whole", spoil: text(() => "[".repeat(NESTED) + "]".repeat(NESTED)) },
  { name: "another version", spoil: edited((manifest) => Object.assign(manifest, { schemaVersion: 2 })) },
  { name: "no JSON", spoil: text((json) => json.slice(0, -20)) },
  { name: "a manifest of a gigabyte", spoil: ({ run }) => truncateSync(join(run, "manifest.json"), 2 ** 30) },
  { name: "a manifest behind a link", spoil: moved((run) => join(run, "manifest.json")) },
  { name: "items behind a link", spoil: moved((run) => join(run, "items")) },
  {
    name: "a folder for a manifest",
    spoil: ({ run }) => {
      rmSync(join(run, "manifest.json"));
      mkdirSync(join(run, "manifest.json"));
    },
  },
  { name: "a run behind a link", spoil: moved((run) => run) },
  { name: "a session behind a link", spoil: moved((run) => dirname(run)) },
  { name: "a quarantine behind a link", spoil: moved((run) => dirname(dirname(run))) },
  {
    name: "a file for a run",
    spoil: ({ run }) => {
      rmSync(run, { recursive: true });
      writeFileSync(run, "no folder");
    },
  },
];

/** With any of these changes, the undo refuses the items of the run one by one. */
const FILE_ATTACKS: readonly Attack[] = [
  ...[
    "../outside/secret",
    "storage/../../outside/x",
    "storage/part/../../../outside/x",
    "storage/part/msg_a1/./x.json",
    "storage//part/x.json",
    "storage/x.json",
    "quarantine/ses_a/x.json",
    "opencode.db",
    "auth.json",
    "storage/part/msg_a1/x\0.json",
    "storage\\part\\msg_a1\\x.json",
    "/storage/part/msg_a1/x.json",
  ].map(
    (path): Attack => ({
      name: `place ${JSON.stringify(path)}`,
      spoil: edited((manifest, item) => {
        Object.assign(item, { locator: { path } });
        Object.assign(manifest, { items: [item] });
      }),
    }),
  ),
  {
    name: "an item behind a link to the same bytes",
    spoil: ({ run, outside }) => {
      const path = firstItem(run);
      cpSync(path, join(outside, "same"));
      rmSync(path);
      symlinkSync(join(outside, "same"), path);
      edited((manifest, item) => Object.assign(manifest, { items: [item] }))({ run, outside } as Spoilt);
    },
  },
  {
    name: "other bytes",
    spoil: (spoilt) => {
      edited((manifest, item) => Object.assign(manifest, { items: [item] }))(spoilt);
      writeFileSync(firstItem(spoilt.run), "other bytes");
    },
  },
  {
    name: "another hash",
    spoil: edited((manifest, item) => {
      Object.assign(item.original as Json, { sha256: "0".repeat(64) });
      Object.assign(manifest, { items: [item] });
    }),
  },
  {
    name: "a folder that became a link",
    spoil: (spoilt) => {
      const { store, outside } = spoilt;
      const folder = join(store.dataDir, "storage", "part");
      cpSync(folder, join(outside, "part"), { recursive: true });
      rmSync(folder, { recursive: true });
      symlinkSync(join(outside, "part"), folder);
      edited((manifest) =>
        Object.assign(manifest, { items: (manifest.items as Json[]).filter((item) => item.kind === "part") }),
      )(spoilt);
    },
  },
];

function images({ store, outside }: Spoilt): readonly Image[] {
  return [store.image(), folderImage(outside)];
}

/** The same code checks manifests for both kinds of stores. So only every fifth change is tried with a database. */
const OF_ROWS = ATTACKS.filter((_, index) => index % 5 === 0);

describe.each([
  ["JSON files", damagedJsonStore, [...ATTACKS, ...FILE_ATTACKS]],
  ["SQLite", damagedSqliteStore, OF_ROWS],
] as const)("%s: a spoilt quarantine", (_, create, attacks) => {
  test.each(attacks.map((attack) => [attack.name, attack] as const))(
    "%s: refused with a sentence, and nothing is changed",
    async (_name, attack) => {
      const spoilt = await repaired(create);
      attack.spoil(spoilt);
      const before = images(spoilt);
      const { dataDir } = spoilt.store;
      const session = basename(dirname(spoilt.run));
      const refused = await askCli(["restore", spoilt.runID, "--session", session, "--yes", "--data-dir", dataDir]);
      // If the run's folder is a file, `restore` ignores it, and then does not know the session.
      expect([2, 3]).toContain(refused.code ?? -1);
      const said = refused.stderr + refused.stdout;
      expect([said.length > 20, said.includes("should not"), said.includes(ESCAPE)]).toEqual([true, false, false]);
      expect(images(spoilt)).toEqual(before);
      // A repair or a purge of this data directory must not change the folder outside either.
      for (const work of [checkAndRepair, (path: string) => purgeEverything(nodeFileSystem, path)]) {
        await work(dataDir).catch((error) => expect(error).toBeInstanceOf(NotAFolderError));
      }
      expect(images(spoilt)[1]).toEqual(before[1] ?? {});
    },
  );
});

test("a hard link to a file of somebody else's comes back as what it is, and the other keeps its mode", async () => {
  const spoilt = await repaired(damagedJsonStore);
  const path = firstItem(spoilt.run);
  linkSync(path, join(spoilt.outside, "linked"));
  const before = folderImage(spoilt.outside);
  expect((await askCli(["restore", spoilt.runID, "--yes", "--data-dir", spoilt.store.dataDir])).code).toBe(0);
  expect(folderImage(spoilt.outside)).toEqual(before);
});

test.each([
  [["restore", "../../outside"]],
  [["restore", "20200101T000000000Z-0000-00000000/../.."]],
  [["restore", `${ESCAPE}[2J`]],
  [["check", "--session", "../../outside"]],
  [["check", "--session", `ses_${ESCAPE}[2J`]],
  [["repair", "--yes", "--session", "ses_../../outside"]],
  [["show", "--session", "../../outside"]],
])("asked for what leads elsewhere: %p", async (args) => {
  const spoilt = await repaired(damagedJsonStore);
  const before = images(spoilt);
  const { code, stdout, stderr } = await askCli([...args, "--data-dir", spoilt.store.dataDir]);
  expect(code).toBe(2);
  expect(stdout + stderr).not.toContain(ESCAPE);
  expect(stderr.length).toBeGreaterThan(10);
  expect(images(spoilt)).toEqual(before);
});

test("names on disk write nothing to the terminal", async () => {
  const store = damagedJsonStore();
  current = store;
  store.overwrite({ path: "storage/part/msg_a1/prt_\u001b[2J\u009b31m\u202e.json" }, Buffer.from("{"));
  store.overwrite({ path: "storage/message/ses_a/\u001b]0;title\u0007.txt" }, Buffer.from("x"));
  for (const args of [["check"], ["check", "--json"], ["repair"], ["repair", "--yes"], ["runs"], ["check", "--json"]]) {
    const { stdout, stderr } = await askCli([...args, "--data-dir", store.dataDir]);
    expect((stdout + stderr).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  }
});
