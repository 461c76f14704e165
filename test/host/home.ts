import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { IS_WHOLE } from "../process/whole.ts";
import type { HostVersion } from "./binary.ts";
import { ensureGitProject } from "./git-project.ts";
import { whenThisProcessDies } from "./watchdog.ts";

/** A separate home directory for one opencode. Nothing from the real user's home is used. */
export interface HermeticHome {
  readonly version: HostVersion;
  readonly root: string;
  /** opencode's data directory. It contains `storage/` or `opencode.db`. */
  readonly dataDir: string;
  /** opencode's global config directory. */
  readonly configDir: string;
  /** The git project in which opencode works. */
  readonly project: string;
  /** The whole environment of opencode. Only PATH comes from this process. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/**
 * With these settings, opencode starts in four fifths of the time. It does not watch files, and does not look for the
 * data of other agents.
 */
const NOT_LOOKED_FOR = {
  OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: "1",
  OPENCODE_DISABLE_CLAUDE_CODE: "1",
  OPENCODE_DISABLE_EXTERNAL_SKILLS: "1",
} as const;

/**
 * opencode's own list has thousands of models, for which 1.18.33 needs two CPU seconds before its first turn. This list
 * has only the model that opencode uses if no provider is configured.
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
 * Whether opencode leaves out slow features that are not tested. This is only so in `npm test`. `bun test` sets
 * NODE_ENV, but a script does not, because a script may measure opencode.
 */
const IS_QUICK = process.env.NODE_ENV === "test" && !IS_WHOLE;

export interface HomeOptions {
  /** The git project. By default, the home gets its own project inside it. */
  readonly project?: string;
  /** Whether opencode leaves out no feature, even in `npm test`. */
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
    // No server listens at this address. So every download from the internet fails at once.
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1,localhost",
    GIT_CONFIG_NOSYSTEM: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    // By default, Bun checks the heap every second. If one opencode serves many cases, that takes a third of its time.
    BUN_GC_TIMER_DISABLE: "1",
    // JavaScriptCore's last compiler only saves time in long runs.
    ...(isQuick ? { BUN_JSC_useFTLJIT: "0", OPENCODE_MODELS_PATH: modelList, ...NOT_LOOKED_FOR } : {}),
  };
  return { version, root, dataDir, configDir, project, env, remove: () => removeHome(root) };
}

/** Removes all homes that this process made and did not remove yet. It is for `afterAll`. */
export async function removeHomes(): Promise<void> {
  for (const root of [...homes.keys()]) await removeHome(root);
}

async function removeHome(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
  homes.get(root)?.();
  homes.delete(root);
}

/** 1.0.152 lists the project with ripgrep before every turn. If ripgrep is missing, 1.0.152 downloads it. */
async function writeFileLister(directory: string): Promise<void> {
  await mkdir(directory);
  const script = "#!/bin/sh\nexec find . -type f -not -path './.git/*'\n";
  await writeFile(join(directory, "rg"), script);
  await chmod(join(directory, "rg"), 0o755);
}
