import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { IS_WHOLE } from "../process/whole.ts";
import type { HostVersion } from "./binary.ts";
import { ensureGitProject } from "./git-project.ts";
import { whenThisProcessDies } from "./watchdog.ts";

/** A home directory of its own for one host, with nothing of the real user's in reach. */
export interface HermeticHome {
  readonly version: HostVersion;
  readonly root: string;
  /** opencode's data directory: `storage/` or `opencode.db` are in it. */
  readonly dataDir: string;
  /** opencode's global config directory. */
  readonly configDir: string;
  /** The git project whose sessions the host serves. */
  readonly project: string;
  /** The whole environment of the host; nothing of this process's but PATH is passed on. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** What a boot looks for beside sessions takes a fifth of its time: files that change, and what other agents have left. */
const NOT_LOOKED_FOR = {
  OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: "1",
  OPENCODE_DISABLE_CLAUDE_CODE: "1",
  OPENCODE_DISABLE_EXTERNAL_SKILLS: "1",
} as const;

/**
 * The list of models inside opencode has thousands of them, and 1.18.33 needs two CPU seconds for the list before its first
 * turn. This list has only what opencode uses if the user has configured no provider.
 */
const MODELS = {
  opencode: {
    id: "opencode",
    env: ["OPENCODE_API_KEY"],
    npm: "@ai-sdk/openai-compatible",
    api: "https://opencode.ai/zen/v1",
    name: "OpenCode Zen",
    models: {
      "big-pickle": {
        id: "big-pickle",
        name: "Big Pickle",
        family: "big-pickle",
        attachment: false,
        reasoning: true,
        tool_call: true,
        temperature: true,
        release_date: "2025-10-17",
        last_updated: "2025-10-17",
        modalities: { input: ["text"], output: ["text"] },
        open_weights: false,
        options: {},
        cost: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
        limit: { context: 200_000, output: 32_000 },
      },
    },
  },
};

/**
 * Whether hosts leave out what costs time and is not tested: only in `npm test`. `bun test` sets NODE_ENV; a script, which
 * may measure a host, does not.
 */
const IS_QUICK = process.env.NODE_ENV === "test" && !IS_WHOLE;

export interface HomeOptions {
  /** The git project; without one, the home gets a project of its own inside it. */
  readonly project?: string;
  /** The hosts of this home leave nothing out, in `npm test` too. */
  readonly complete?: boolean;
}

const homes = new Map<string, () => void>();

export async function createHome(version: HostVersion, options: HomeOptions = {}): Promise<HermeticHome> {
  const root = await mkdtemp(join(await realpath(tmpdir()), `opencode-home-${version}-`));
  homes.set(root, whenThisProcessDies('sleep 1; rm -rf -- "$1"', root));
  const project = options.project ?? join(root, "project");
  const xdg = {
    XDG_DATA_HOME: join(root, "data"),
    XDG_CONFIG_HOME: join(root, "config"),
    XDG_STATE_HOME: join(root, "state"),
    XDG_CACHE_HOME: join(root, "cache"),
  };
  const dataDir = join(xdg.XDG_DATA_HOME, "opencode");
  const configDir = join(xdg.XDG_CONFIG_HOME, "opencode");
  await mkdir(dataDir, { recursive: true });
  await mkdir(join(root, "tmp"));
  await mkdir(configDir, { recursive: true });
  await writeFileLister(join(root, "bin"));
  await ensureGitProject(project);
  const isQuick = IS_QUICK && options.complete !== true;
  const modelList = join(root, "models.json");
  await writeFile(modelList, JSON.stringify(MODELS));
  const env = {
    ...xdg,
    PATH: `${join(root, "bin")}${delimiter}${process.env.PATH ?? "/usr/bin:/bin"}`,
    HOME: root,
    TMPDIR: join(root, "tmp"),
    PWD: project,
    LANG: "C.UTF-8",
    TERM: "dumb",
    NO_COLOR: "1",
    // Nothing listens there: whatever a host would fetch from the internet fails at once.
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1,localhost",
    GIT_CONFIG_NOSYSTEM: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    // Bun looks at the heap every second. A host that serves many cases would spend a third of its time on that.
    BUN_GC_TIMER_DISABLE: "1",
    // The last of its three compilers earns its work back only in long runs.
    ...(isQuick ? { BUN_JSC_useFTLJIT: "0", OPENCODE_MODELS_PATH: modelList, ...NOT_LOOKED_FOR } : {}),
  };
  return { version, root, dataDir, configDir, project, env, remove: () => removeHome(root) };
}

/** Removes every home of this process that is still there; for an `afterAll`. */
export async function removeHomes(): Promise<void> {
  for (const root of [...homes.keys()]) await removeHome(root);
}

async function removeHome(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
  homes.get(root)?.();
  homes.delete(root);
}

/** 1.0.152 lists the project with ripgrep before every turn, and downloads it when there is none. */
async function writeFileLister(directory: string): Promise<void> {
  await mkdir(directory);
  const script = "#!/bin/sh\nexec find . -type f -not -path './.git/*'\n";
  await writeFile(join(directory, "rg"), script);
  await chmod(join(directory, "rg"), 0o755);
}
