import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startGroup } from "../host/process-group.ts";
import { scratchDirectory } from "../package/packed.ts";
import { until } from "../process/until.ts";

/** A page in a real browser, driven through the DevTools protocol. */
export interface Page {
  open(url: string): Promise<void>;
  /** Everything that a person can read on the page. */
  text(): Promise<string>;
  /** Waits until the page's text holds the expected one, and returns it. */
  waitFor(expected: string | RegExp): Promise<string>;
  /** Puts the cursor into the first element that a CSS selector finds, once there is one. */
  focus(selector: string): Promise<void>;
  /** What stands in that element. */
  textIn(selector: string): Promise<string>;
  /** Types text into what has the cursor. */
  type(text: string): Promise<void>;
  press(key: "Enter" | "Escape"): Promise<void>;
  /** A picture of the page, as PNG. */
  picture(): Promise<Buffer>;
  close(): Promise<void>;
}

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of a browser: `CHROMIUM`, else where Debian puts one. Throws where there is none: a test must not pass by that. */
async function browserBinary(): Promise<string> {
  for (const path of process.env.CHROMIUM ? [process.env.CHROMIUM] : CANDIDATES) {
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error("no Chromium here: apt-get install chromium, or set CHROMIUM to its path");
}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--window-size=1280,900",
  "--remote-debugging-port=0",
];

/** Starts a headless browser with an empty profile of its own, and one empty page in it. */
export async function openBrowser(): Promise<Page> {
  const profile = await scratchDirectory("browser");
  const environment = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: profile, TMPDIR: profile };
  const browser = startGroup(await browserBinary(), [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    cwd: profile,
    env: environment,
  });
  const end = () => browser.end("SIGKILL");
  try {
    return describe(await connect(await pageAddress(profile)), end);
  } catch (error) {
    await end();
    throw error;
  }
}

/** The browser writes the port it chose into its profile. */
async function pageAddress(profile: string): Promise<string> {
  let page: { readonly type: string; readonly webSocketDebuggerUrl: string } | undefined;
  const isThere = async () => {
    const [port] = (await readFile(join(profile, "DevToolsActivePort"), "utf8").catch(() => "")).split("\n");
    if (!port) return false;
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as (typeof page & {})[];
    page = targets.find((target) => target.type === "page");
    return page !== undefined;
  };
  await until(isThere, "the browser did not start", 50);
  return page?.webSocketDebuggerUrl ?? "";
}

type Send = (method: string, parameters?: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;

interface Reply {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

async function connect(address: string): Promise<{ readonly send: Send; close(): void }> {
  const socket = new WebSocket(address);
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("the browser refused the connection")));
  });
  const send: Send = (method, parameters = {}) => {
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      socket.send(JSON.stringify({ id, method, params: parameters }));
    });
  };
  return { send, close: () => socket.close() };
}

const KEYS = { Enter: { code: 13, text: "\r" }, Escape: { code: 27, text: "" } };

function describe({ send, close }: { readonly send: Send; close(): void }, end: () => Promise<void>): Page {
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result } = await send("Runtime.evaluate", { expression, returnByValue: true });
    return (result as { value?: unknown } | undefined)?.value;
  };
  const text = async () => String((await evaluate("document.body?.innerText ?? ''")) ?? "");
  return {
    open: async (url) => void (await send("Page.navigate", { url })),
    text,
    async waitFor(expected) {
      let shown = "";
      const holds = async () => {
        shown = await text();
        return typeof expected === "string" ? shown.includes(expected) : expected.test(shown);
      };
      await until(holds, () => `the page never showed ${String(expected)}:\n${shown}`, 50);
      return shown;
    },
    async focus(selector) {
      const found = `(() => { const element = document.querySelector(${JSON.stringify(selector)}); element?.focus();
        return element !== null && document.activeElement === element; })()`;
      await until(
        async () => (await evaluate(found)) === true,
        async () => `there is no ${selector}:\n${await text()}`,
      );
    },
    textIn: async (selector) =>
      String((await evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`)) ?? ""),
    async type(words) {
      for (const letter of words) {
        await send("Input.dispatchKeyEvent", { type: "keyDown", key: letter, text: letter });
        await send("Input.dispatchKeyEvent", { type: "keyUp", key: letter });
        await sleep(30);
      }
    },
    async press(key) {
      const { code, text: typed } = KEYS[key];
      const event = { key, code: key, windowsVirtualKeyCode: code, nativeVirtualKeyCode: code };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...(typed ? { text: typed } : {}) });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    async picture() {
      const { data } = await send("Page.captureScreenshot", { format: "png" });
      return Buffer.from(String(data), "base64");
    },
    async close() {
      close();
      await end();
    },
  };
}
