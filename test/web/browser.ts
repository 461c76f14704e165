import { access } from "node:fs/promises";
import puppeteer, { type Page } from "puppeteer-core";
import { scratchDirectory } from "../package/packed.ts";
import { PATIENCE_MS } from "../process/until.ts";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * The path of a browser: `CHROMIUM`, or the place where Debian installs one. Throws if there is no browser, so that a
 * test cannot pass without one.
 */
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

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic"];

/** A page in a headless browser with an empty profile. `close` ends the browser. */
export async function openBrowser(): Promise<{ readonly page: Page; close(): Promise<void> }> {
  const profile = await scratchDirectory("browser");
  const browser = await puppeteer.launch({
    executablePath: await browserBinary(),
    args: FLAGS,
    userDataDir: profile,
    defaultViewport: { width: 1280, height: 900 },
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: profile, TMPDIR: profile },
    timeout: PATIENCE_MS,
  });
  const close = () => browser.close();
  try {
    const [first] = await browser.pages();
    return { page: first ?? (await browser.newPage()), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The text that a person can read on a page. */
async function textOf(page: Page): Promise<string> {
  return String(await page.evaluate("document.body?.innerText ?? ''"));
}

/** Waits until the page shows the expected text, and returns the text of the page. */
export async function waitForText(page: Page, expected: string | RegExp, timeoutMs = PATIENCE_MS): Promise<string> {
  const pattern = typeof expected === "string" ? RegExp.escape(expected) : expected.source;
  const flags = typeof expected === "string" ? "" : expected.flags;
  const holds = `new RegExp(${JSON.stringify(pattern)}, ${JSON.stringify(flags)}).test(document.body?.innerText ?? "")`;
  try {
    await page.waitForFunction(holds, { timeout: timeoutMs, polling: 100 });
  } catch (error) {
    throw new Error(`the page never showed ${String(expected)}:\n${await textOf(page)}`, { cause: error });
  }
  return textOf(page);
}

/** The text of the first element that a CSS selector finds. Empty if the selector finds nothing. */
export async function textIn(page: Page, selector: string): Promise<string> {
  return String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`));
}
