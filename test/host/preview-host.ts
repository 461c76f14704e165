import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { previewBinary } from "./binary.ts";
import type { HermeticHome } from "./home.ts";
import { type ProcessGroup, startGroup } from "./process-group.ts";
import type { Answer } from "./running-host.ts";

/** The preview of opencode 2.x. It answers requests to `/api/*`, and uses the database of 1.18. */
export interface PreviewHost {
  readonly home: HermeticHome;
  readonly pid: number;
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts `lildax serve`, the server of the preview, and waits until it answers. */
export async function startPreviewHost(home: HermeticHome): Promise<PreviewHost> {
  const group = startGroup(await previewBinary(), ["serve", "--hostname", "127.0.0.1", "--port", "0"], {
    cwd: home.project,
    env: home.env,
  });
  try {
    const url = await listening(group);
    const password = await readFile(join(home.env.XDG_STATE_HOME ?? "", "opencode", "password"), "utf8");
    const authorization = `Basic ${Buffer.from(`opencode:${password.trim()}`).toString("base64")}`;
    const ask = async (method: string, path: string, body?: unknown): Promise<Answer> => {
      const response = await fetch(new URL(path, url), {
        method,
        signal: AbortSignal.timeout(60_000),
        headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: parsed(text) };
    };
    return {
      home,
      pid: group.pid,
      get: (path) => ask("GET", path),
      post: (path, body) => ask("POST", path, body),
      stop: () => group.end("SIGTERM"),
    };
  } catch (error) {
    await group.end("SIGKILL");
    throw error;
  }
}

async function listening(group: ProcessGroup): Promise<string> {
  for (let asked = 0; asked < 1_500 && group.running(); asked += 1) {
    const found = /listening on (http:\/\/\S+)/.exec(group.stdout() + group.stderr());
    if (found?.[1] !== undefined) return found[1];
    await sleep(40);
  }
  throw new Error(`the preview of opencode 2.x did not listen\n${group.stdout()}\n${group.stderr()}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
