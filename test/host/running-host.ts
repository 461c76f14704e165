import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PATIENCE_MS, until } from "../process/until.ts";
import { type HostVersion, hostBinary } from "./binary.ts";
import { markInstalled } from "./config-directory.ts";
import type { HermeticHome } from "./home.ts";
import type { ModelServer } from "./model-server.ts";
import { type ProcessGroup, startGroup } from "./process-group.ts";

/** An HTTP answer. `body` is the parsed JSON. If the text is not JSON, `body` is the text. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface HostSettings {
  readonly home: HermeticHome;
  /** The version of the binary, if it is not the version for which the home was made. It is used for upgrades. */
  readonly version?: HostVersion;
  readonly model?: ModelServer;
  /**
   * Entries of the list `plugin` in opencode.json. 1.0.152, 1.1.65 and 1.2.27 refuse to start if an entry is not a
   * string.
   */
  readonly plugins?: readonly (string | readonly [string, Readonly<Record<string, unknown>>])[];
  /** Other keys for opencode.json. They override the keys that this module sets. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs opencode inside something, for example a mount namespace. It is put before the binary. */
  readonly inside?: readonly string[];
}

export interface RunningHost {
  readonly version: HostVersion;
  readonly home: HermeticHome;
  readonly url: string;
  readonly pid: number;
  /** Sends a GET request about the project. The parameter `directory` is added to the path. */
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  request(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<Answer>;
  stdout(): string;
  stderr(): string;
  /** Asks opencode to end. If it does not end within 5 s, its process group is killed. */
  stop(): Promise<void>;
  /** Kills the process group with SIGKILL, as in a crash. */
  kill(): Promise<void>;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * Starts `opencode serve` with this home, and waits until it answers. opencode boots the project and its plugins at the
 * first `get`.
 */
export async function startHost(settings: HostSettings & { readonly args?: readonly string[] }): Promise<RunningHost> {
  const serve = ["serve", "--hostname", "127.0.0.1", "--port", "0", ...(settings.args ?? [])];
  const group = await launch(settings, serve);
  try {
    const url = await listening(group);
    await answering(group, url, settings.version ?? settings.home.version);
    return describe(settings, group, url);
  } catch (error) {
    await group.end("SIGKILL");
    throw error;
  }
}

/**
 * Makes opencode leave its project. At the next request, opencode boots the project again and reads everything from
 * disk. A restart of the process takes ten times as long.
 */
export async function leaveProject(host: RunningHost): Promise<void> {
  const { status } = await host.post("/instance/dispose");
  if (status !== 200) throw new Error(`the host does not leave its project: ${status}\n${host.stderr()}`);
}

/** Runs one opencode command (`run`, `export`, `db path` …) with this home, and waits for its end. */
export async function runHost(
  settings: HostSettings & { readonly args: readonly string[]; readonly timeoutMs?: number },
): Promise<CommandResult> {
  const group = await launch(settings, settings.args);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void group.end("SIGKILL");
  }, settings.timeoutMs ?? PATIENCE_MS);
  const code = await group.exited.finally(() => clearTimeout(timer));
  await group.end("SIGKILL");
  return { code, stdout: group.stdout(), stderr: group.stderr(), timedOut };
}

/** Writes the home's opencode.json, and files that prevent opencode from installing packages. */
export async function configureHost(settings: HostSettings): Promise<void> {
  const { home } = settings;
  await markInstalled(home.configDir, settings.version ?? home.version);
  await writeFile(join(home.configDir, "opencode.json"), JSON.stringify(configFor(settings), null, 2));
}

async function launch(settings: HostSettings, args: readonly string[]): Promise<ProcessGroup> {
  const { home } = settings;
  const version = settings.version ?? home.version;
  await configureHost(settings);
  const [command = "", ...rest] = [...(settings.inside ?? []), await hostBinary(version), ...args];
  return startGroup(command, rest, { cwd: home.project, env: { ...home.env, ...settings.env } });
}

function configFor(settings: HostSettings): Readonly<Record<string, unknown>> {
  const { model } = settings;
  return {
    $schema: "https://opencode.ai/config.json",
    autoupdate: false,
    share: "disabled",
    permission: { edit: "allow", bash: "allow", webfetch: "deny" },
    ...(settings.plugins ? { plugin: settings.plugins } : {}),
    ...(model ? modelConfig(model.url) : {}),
    ...settings.config,
  };
}

/** Keys of opencode.json that make the simulated model the default model. */
export function modelConfig(baseURL: string): Readonly<Record<string, unknown>> {
  const scripted = {
    name: "Scripted",
    reasoning: true,
    tool_call: true,
    attachment: true,
    limit: { context: 200_000, output: 8_000 },
  };
  return {
    model: "loopback/scripted",
    small_model: "loopback/scripted",
    provider: {
      loopback: {
        npm: "@ai-sdk/openai-compatible",
        name: "Loopback",
        options: { baseURL, apiKey: "none" },
        models: { scripted },
      },
    },
  };
}

async function listening(group: ProcessGroup): Promise<string> {
  const address = () => /listening on (http:\/\/[^\s]+)/.exec(group.stdout() + group.stderr())?.[1];
  const told = () => `the host did not listen\n${group.stdout()}\n${group.stderr()}`;
  await until(() => address() !== undefined || !group.running(), told);
  return address() ?? failed(told());
}

function failed(message: string): never {
  throw new Error(message);
}

/**
 * Waits until opencode answers. Right after their start, 1.17 and 1.18 may never answer a request, so short requests
 * are repeated. 1.0.152 answers from the moment at which it listens. It does not know this path, and would send the
 * request to the internet.
 */
async function answering(group: ProcessGroup, url: string, version: HostVersion): Promise<void> {
  if (version.startsWith("1.0.")) return;
  const told = () => `the host does not answer\n${group.stdout()}\n${group.stderr()}`;
  const answers = () =>
    fetch(`${url}/global/health`, { signal: AbortSignal.timeout(1_000) }).then(
      async (response) => {
        await response.arrayBuffer();
        return true;
      },
      () => false,
    );
  await until(async () => !group.running() || (await answers()), told);
  if (!group.running()) throw new Error(told());
}

function describe(settings: HostSettings, group: ProcessGroup, url: string): RunningHost {
  const { home } = settings;
  const request = async (method: string, path: string, body?: unknown, timeoutMs = PATIENCE_MS): Promise<Answer> => {
    const target = new URL(path, url);
    if (!target.searchParams.has("directory")) target.searchParams.set("directory", home.project);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(target, {
        method,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return { status: response.status, body: parsed(await response.text()) };
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Error(`${method} ${path} was not answered in ${timeoutMs} ms\n${group.stderr()}`);
    }
  };
  return {
    version: settings.version ?? home.version,
    home,
    url,
    pid: group.pid,
    get: (path) => request("GET", path),
    post: (path, body) => request("POST", path, body ?? {}),
    request,
    stdout: group.stdout,
    stderr: group.stderr,
    stop: () => group.end("SIGTERM"),
    kill: () => group.end("SIGKILL"),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
