import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PATIENCE_MS, until } from "../process/until.ts";
import type { HermeticHome } from "./home.ts";
import type { RunningHost } from "./running-host.ts";

/** The complete lines of the plugin in the logs of this home. */
export async function pluginLogLines(home: HermeticHome): Promise<readonly string[]> {
  const folder = join(home.dataDir, "log");
  const lines: string[] = [];
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    lines.push(...(await readFile(join(folder, name), "utf8")).split("\n"));
  }
  return lines.filter((line) => line.includes("plugin=opencode-session-repair"));
}

/**
 * Skips the first `known` lines of the plugin. Waits for a line after them that contains all these words. The error
 * lists the lines that were found.
 */
export async function waitForPluginLog(
  home: HermeticHome,
  known: number,
  ...words: readonly string[]
): Promise<string> {
  let lines: readonly string[] = [];
  let found: string | undefined;
  const isThere = async () => {
    lines = (await pluginLogLines(home)).slice(known);
    found = lines.find((line) => words.every((word) => line.includes(word)));
    return found !== undefined;
  };
  await until(isThere, () => `no line of the plugin says ${words.join(", ")}:\n${lines.join("\n")}`);
  return found ?? "";
}

interface Toast {
  readonly title?: string;
  readonly message?: string;
  readonly variant?: string;
}

/**
 * Listens to events as a terminal UI does, and returns the plugin's toast. It first sends the event for which the
 * plugin waits. opencode must already work in the project.
 */
export async function pluginToast(host: RunningHost): Promise<Toast> {
  const url = new URL("/event", host.url);
  url.searchParams.set("directory", host.home.project);
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const reader = response.body?.getReader();
  if (!reader) throw new Error("the host has no event stream");
  await host.post("/tui/show-toast", { message: "The terminal UI is here.", variant: "info" });
  try {
    const decoder = new TextDecoder();
    let pending = "";
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      pending += decoder.decode(chunk.value, { stream: true });
      const lines = pending.split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) {
        const toast = toastIn(line);
        if (toast?.title === "Session repair") return toast;
      }
    }
    throw new Error("the event stream ended without the plugin's toast");
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function toastIn(line: string): Toast | null {
  if (!line.startsWith("data:")) return null;
  const event = JSON.parse(line.slice("data:".length)) as { type?: string; properties?: Toast };
  return event.type === "tui.toast.show" ? (event.properties ?? null) : null;
}
