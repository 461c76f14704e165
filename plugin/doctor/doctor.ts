import { join, resolve } from "node:path";
import { STORE_FAULTS } from "../faults/store-faults.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { correctingCommand } from "../platform/permissions.ts";
import { lockOf } from "../quarantine/lock.ts";
import { quarantinePath } from "../quarantine/places.ts";
import { LARGE_QUARANTINE_BYTES } from "../quarantine/retention.ts";
import { allRuns } from "../quarantine/runs.ts";
import { VALIDATED_FILE } from "../repair/validated.ts";
import { installedHostVersion } from "../report/installed-host.ts";
import { holdsStore, type Located, type LocateResult } from "../stores/locate.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { TOOL } from "../tool-identity.ts";
import { plural, sizeText } from "../words/amounts.ts";
import { commandWithNode } from "../words/commands.ts";
import { holderText } from "../words/lock.ts";
import { GENERATION_WORDS, originSentence } from "../words/origins.ts";
import { QUARANTINE_IS_NO_FOLDER } from "../words/refusals.ts";
import { comparePackageVersions, findInstallation, type Installation } from "./installation.ts";

/** The result of one check of `doctor`. */
export interface Examined {
  readonly what: string;
  /** Whether the check succeeded; `null` if the result is unknown, or the check does not apply. */
  readonly ok: boolean | null;
  readonly says: string;
  /** What the user can do if the check fails. */
  readonly wayOut?: string;
}

export interface DoctorInput {
  readonly files: FileSystem;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder in which the user would start opencode. */
  readonly folder: string;
  readonly found: LocateResult;
  /** The path at which the command looked for opencode's data, for messages. */
  readonly asked: string;
}

/**
 * Checks everything that this tool needs in order to work: plugin, opencode, runtime, stores, disk space and
 * quarantine. Changes nothing.
 */
export async function examine(input: DoctorInput): Promise<Examined[]> {
  const { files, env, folder, found } = input;
  const installation = await findInstallation(files, env, folder);
  const examined = [...installed(installation), ...versions(installation), options(installation)];
  const host = await installedHostVersion(files, env);
  examined.push({
    what: "opencode",
    ok: host !== null,
    says: host === null ? "no opencode in the PATH reports its version" : `opencode ${host}`,
    ...(host === null && {
      wayOut: "Install opencode, or add its folder to the PATH. The command line works without opencode.",
    }),
  });
  examined.push(await runtime());
  if (!found.ok || !holdsStore(found.located)) {
    const says = found.ok ? `nothing in ${input.asked}` : `${found.message} Looked at: ${input.asked}`;
    const command = !found.ok && found.reason === "denied" ? correctingCommand(resolve(input.asked)) : null;
    const wayOut = command ?? "Use --data-dir or --db, or start opencode once.";
    return [...examined, { what: "store", ok: false, says, wayOut }];
  }
  const { located } = found;
  return [
    ...examined,
    await loaded(files, located, installation),
    ...(await stores(files, located)),
    await space(files, located),
    await quarantine(files, located),
    await lock(files, located),
  ];
}

const INSTALL = `\`opencode plugin ${TOOL.name}@${TOOL.version} --global\` (1.14 and newer), or add "${TOOL.name}@${TOOL.version}" to \`plugin\``;

/** Whether the plugin is listed in opencode.json, for its server half, and in tui.json, for its terminal half. */
function installed({ server, terminal, unreadable }: Installation): Examined[] {
  const half = (what: string, entries: Installation["server"], file: string, lost: string): Examined => {
    if (entries.length === 1) return { what, ok: true, says: `in ${file}` };
    if (entries.length > 1) {
      return {
        what,
        ok: false,
        says: `${plural(entries.length, "time")} in ${file}`,
        wayOut: "Keep one of the entries.",
      };
    }
    return { what, ok: false, says: `not in ${file}: ${lost}`, wayOut: `${INSTALL} in ${file}.` };
  };
  const neither: Examined = {
    what: "plugin",
    ok: false,
    says: "not installed: nothing is checked when opencode starts",
    wayOut: `${INSTALL} in opencode.json and in tui.json.`,
  };
  const isAbsent = server.length + terminal.length === 0;
  const halves = isAbsent
    ? [neither]
    : [
        half("plugin in the server", server, "opencode.json", "nothing is checked when opencode starts"),
        half("plugin in the terminal UI", terminal, "tui.json", "in opencode 1.3.6 and newer, `/repair` has no dialog"),
      ];
  if (unreadable.length === 0) return halves;
  const says = `${plural(unreadable.length, "file")} cannot be read: ${unreadable.join(", ")}`;
  return [...halves, { what: "configuration", ok: false, says, wayOut: "Correct the JSON in these files." }];
}

function versions({ server, terminal, versions: known }: Installation): Examined[] {
  if (server.length + terminal.length === 0) return [];
  const what = "plugin version";
  const named = new Set([...server, ...terminal].flatMap(({ spec }) => /@(\d[^@/]*)$/.exec(spec)?.[1] ?? []));
  if (named.size > 1) {
    const says = `the entries name ${[...named].join(" and ")}`;
    return [{ what, ok: false, says, wayOut: "Name one version in opencode.json and in tui.json." }];
  }
  const [newest] = [...known, TOOL.version].sort(comparePackageVersions).reverse();
  const old = known.filter((version) => version !== newest);
  if (known.length === 0) {
    return [{ what, ok: null, says: "opencode has not downloaded the plugin yet", wayOut: "Start opencode once." }];
  }
  if (old.length === 0 && known.length === 1) return [{ what, ok: true, says: `${newest}, the newest installed` }];
  const wayOut = `Pin version ${newest} in the entry, and remove ~/.cache/opencode/packages/${TOOL.name}*: opencode never updates a version that it has downloaded.`;
  return [{ what, ok: false, says: `${known.join(" and ")} installed, ${newest} is the newest`, wayOut }];
}

function options({ server, terminal, warnings }: Installation): Examined {
  const what = "options";
  if (server.length + terminal.length === 0)
    return { what, ok: null, says: "the plugin has no entry, and so no options" };
  if (warnings.length === 0) return { what, ok: true, says: "valid" };
  const wayOut = "Until you correct the options, the plugin only checks when opencode starts, and changes nothing.";
  return { what, ok: false, says: warnings.join(" "), wayOut };
}

async function runtime(): Promise<Examined> {
  const driver = await loadDriver();
  const { bun, node } = process.versions;
  const name = bun === undefined ? `Node ${node}` : `Bun ${bun}`;
  const what = "runtime";
  if (driver?.readsInPlace === true) return { what, ok: true, says: `${name} with SQLite` };
  const wayOut = `Run: ${commandWithNode()}`;
  if (driver === null)
    return { what, ok: false, says: `${name} has no SQLite, which this tool needs to read databases`, wayOut };
  return { what, ok: true, says: `${name} with SQLite; it reads a private copy of a database` };
}

/**
 * Whether the plugin has ever run here. A plugin that runs leaves traces: its index file, and repairs that no command
 * line started.
 */
async function loaded(files: FileSystem, located: Located, installation: Installation): Promise<Examined> {
  const what = "plugin loaded";
  const index = await files.stat(join(located.dataDir, VALIDATED_FILE)).catch(() => null);
  const runs = await allRuns(files, located.dataDir);
  const own = runs.flatMap((run) => (run.ok && run.state.trigger !== "cli" ? [Date.parse(run.state.createdAt)] : []));
  const last = Math.max(index?.mtimeMs ?? 0, ...own);
  if (last > 0)
    return { what, ok: true, says: `the plugin last wrote here on ${new Date(last).toISOString().slice(0, 10)}` };
  if (installation.server.length === 0) return { what, ok: null, says: "not installed" };
  const wayOut =
    "Start opencode once, then run this command again. If this line still has a ✗, look for the plugin's name in opencode's log.";
  return { what, ok: false, says: "the plugin has not written anything here yet", wayOut };
}

async function stores(files: FileSystem, located: Located): Promise<Examined[]> {
  const opened = await openStores(files, located, "outside");
  const examined: Examined[] = [];
  for (const store of opened) {
    const { generation, database, hostVersion } = store.description;
    const name = database?.replace(/^.*[\\/]/, "") ?? "storage/";
    const what = `store ${name}`;
    const kind = GENERATION_WORDS[generation];
    const of2x = await sentenceOf2x(store);
    if (of2x !== null) examined.push({ what, ok: true, says: of2x });
    if (store.state === "ok") {
      const origin = store.origin === null ? null : originSentence(store.origin);
      const by = hostVersion === null ? "" : `, newest session by opencode ${hostVersion}`;
      store.store.close();
      if (of2x !== null) continue;
      if (origin === null) examined.push({ what, ok: true, says: `${kind}${by}, a version that this tool knows` });
      else examined.push({ what, ok: false, says: origin, wayOut: `Look for a newer ${TOOL.name}.` });
      continue;
    }
    if (of2x !== null) continue;
    const { code, evidence } = store.problem;
    const fault = STORE_FAULTS[code];
    const command =
      code === "access-denied" && database !== undefined ? correctingCommand(database, located.dataDir) : null;
    examined.push({ what, ok: false, says: `${fault.title} (${evidence})`, wayOut: command ?? fault.advice });
  }
  return examined;
}

/**
 * A sentence that says that opencode 2.x writes this database, and which tables are read. `null` if opencode 2.x does
 * not write the database, or its tables are unknown.
 */
async function sentenceOf2x(store: OpenedStore): Promise<string | null> {
  if (store.state === "unusable" || store.half2x === null || store.origin === null) return null;
  if (store.state === "unread" && (await store.damage()) !== null) return null;
  const origin = store.state === "ok" ? withMessagesOf2x(store.origin, store.sessionsOf2x()) : store.origin;
  if (origin.kind === "1.x" || origin.kind === "newer") return null;
  const { profileFor, unreadTables } = await import("../stores/sqlite/profile-2x.ts");
  const { schema } = store.half2x;
  const profile = profileFor(origin, schema);
  return profile === null ? null : originSentence(origin, unreadTables(profile, schema));
}

/** If the disk has less free space than this, programs that write to it may fail. */
const LEAST_FREE_BYTES = 256 * 1024 * 1024;

async function space(files: FileSystem, { dataDir, databases }: Located): Promise<Examined> {
  const what = "free disk space";
  const free = await files.freeBytes(dataDir).catch(() => null);
  if (free === null) return { what, ok: null, says: "cannot be told" };
  let size = 0;
  for (const database of databases) size += (await files.stat(database).catch(() => null))?.size ?? 0;
  const needed = Math.max(LEAST_FREE_BYTES, size);
  const says = `${sizeText(free)} free`;
  if (free >= needed) return { what, ok: true, says };
  return { what, ok: false, says, wayOut: `Free at least ${sizeText(needed)}, because a full disk damages sessions.` };
}

async function quarantine(files: FileSystem, { dataDir }: Located): Promise<Examined> {
  const what = "quarantine";
  const folder = quarantinePath(dataDir);
  const found = await files.stat(folder).catch(() => null);
  if (found === null) return { what, ok: true, says: "empty" };
  if (found.type !== "directory") {
    return {
      what,
      ok: false,
      says: QUARANTINE_IS_NO_FOLDER,
      wayOut: "Rename or remove it.",
    };
  }
  // The module is loaded only here, because it loads the schema of manifests, which the other commands do not need.
  const { folderBytes } = await import("../quarantine/vault.ts");
  const runs = await allRuns(files, dataDir);
  let bytes = 0;
  for (const run of runs) bytes += await folderBytes(files, run.folder);
  const unreadable = runs.filter((run) => !run.ok).length;
  const says = `${plural(runs.length, "run")}, ${sizeText(bytes)}`;
  if (unreadable > 0) {
    const wayOut = "`runs` names these runs. A newer version of this tool may have made these runs: update this tool.";
    return { what, ok: false, says: `${says}; ${plural(unreadable, "run")} cannot be read`, wayOut };
  }
  if (bytes <= LARGE_QUARANTINE_BYTES) return { what, ok: true, says };
  return { what, ok: false, says, wayOut: `\`${TOOL.name} purge --older-than 30d\` deletes old runs for good.` };
}

async function lock(files: FileSystem, { dataDir }: Located): Promise<Examined> {
  const what = "lock";
  const held = await lockOf(files, dataDir);
  if (held === null) return { what, ok: true, says: "free" };
  const says = typeof held === "string" ? "held by an unknown process" : `held by ${holderText(held)}`;
  if (typeof held !== "string" && held.standing === "alive")
    return { what, ok: true, says: `${says}; that repair is running` };
  return { what, ok: false, says, wayOut: `If that repair has ended: \`${TOOL.name} unlock\`.` };
}
