import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type CheckResult,
  type ConfirmedFinding,
  check,
  nodeFileSystem as files,
  type Located,
  locate,
  type Manifest,
  parseManifest,
  planRestore,
  type RepairResult,
  type RestoreResult,
  repair,
  restore,
  type Selection,
} from "../../plugin/api.ts";
import type { ManifestCell } from "../../plugin/model/manifest-item.ts";

/** This tool, used on one data directory from outside of opencode, as the command line does. */
export interface Tool {
  check(): Promise<CheckResult>;
  /**
   * Repairs all findings that opencode cannot load. With `codes`, it repairs only findings with these codes. Without
   * `findings`, it checks first.
   */
  repair(codes?: readonly string[], findings?: readonly ConfirmedFinding[]): Promise<RepairResult>;
  /** Repairs only what the plugin repairs at the start of opencode without asking. */
  repairUnasked(): Promise<RepairResult>;
  restore(runID: string): Promise<RestoreResult>;
}

export async function toolFor(dataDir: string): Promise<Tool> {
  const found = async (): Promise<Located> => {
    const result = await locate(files, { env: {}, dataDir });
    if (!result.ok) throw new Error(result.message);
    return result.located;
  };
  const checked = async (): Promise<CheckResult> => {
    const outcome = await check({ files, located: await found(), sessionIDs: [], concurrency: 16 });
    if (!outcome.ok) throw new Error("the check asks for a session that was not named");
    return outcome.result;
  };
  const mend = async (
    findings: readonly ConfirmedFinding[],
    selection: Pick<Selection, "codes" | "unasked">,
  ): Promise<RepairResult> =>
    repair({
      files,
      located: await found(),
      access: "outside",
      findings,
      selection,
      trigger: "cli",
      hostVersion: null,
    });
  return {
    check: checked,
    repair: async (codes, known) => mend(known ?? (await checked()).findings, { codes: codes ?? null, unasked: false }),
    repairUnasked: async () => mend((await checked()).findings, { codes: null, unasked: true }),
    async restore(runID) {
      const located = await found();
      const input = { files, located, access: "outside" as const, runID, sessionIDs: [], itemIDs: [] };
      const planning = await planRestore(input);
      if (!planning.ok) throw new Error(planning.message);
      return restore(input, planning.plan);
    },
  };
}

export function blockingOf(result: CheckResult): ConfirmedFinding[] {
  return result.findings.filter((finding) => finding.severity === "blocking");
}

/**
 * Reads a manifest with simple code. Fails if a stored original is missing or has another hash than its manifest says.
 */
export async function trustedManifest(path: string): Promise<Manifest> {
  const reading = parseManifest(await readFile(path, "utf8"));
  if (!reading.ok) throw new Error(reading.problem);
  for (const item of reading.manifest.items) {
    const { original } = item;
    if (original === null || item.state !== "done") continue;
    const saved = [original, ...Object.values(original.row?.columns ?? {}).flatMap(savedFile)];
    for (const place of saved) {
      const { file, bytes, sha256 } = place;
      const whole = await readFile(join(dirname(path), file));
      const content = place.offset === undefined ? whole : whole.subarray(place.offset, place.offset + bytes);
      const hash = createHash("sha256").update(content).digest("hex");
      if (content.length !== bytes || hash !== sha256) throw new Error(`${file} is not what the manifest says`);
    }
  }
  return reading.manifest;
}

function savedFile(cell: ManifestCell) {
  return "value" in cell && "file" in cell.value ? [cell.value] : [];
}

/** `all` are the paths of everything in quarantine. `tooOpen` are those that other users may access, too. */
export async function quarantineEntries(dataDir: string): Promise<{ all: string[]; tooOpen: string[] }> {
  const all: string[] = [];
  const tooOpen: string[] = [];
  const walk = async (path: string): Promise<void> => {
    const found = await lstat(join(dataDir, path)).catch(() => null);
    if (found === null) return;
    all.push(path);
    if ((found.mode & 0o777) !== (found.isDirectory() ? 0o700 : 0o600)) tooOpen.push(path);
    if (found.isDirectory()) for (const name of await readdir(join(dataDir, path))) await walk(join(path, name));
  };
  await walk("quarantine");
  return { all: all.sort(), tooOpen };
}
