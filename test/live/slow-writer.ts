/**
 * `bun test/live/slow-writer.ts FILE…` rewrites the files until its stdin ends. As in opencode 1.0-1.1, each file is
 * first emptied and then written. Here, the write takes up to two and a half seconds. At the end, the program prints
 * how many files it wrote, and how many did not have the written content afterwards.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface SlowWrites {
  readonly written: number;
  readonly lost: number;
}

async function writeSlowly(paths: readonly string[]): Promise<void> {
  let isOver = false;
  process.stdin.once("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  let [written, lost] = [0, 0];
  const contents = new Map(paths.map((path) => [path, readFileSync(path)]));
  process.stdout.write("writing\n");
  while (!isOver) {
    for (const [path, content] of contents) {
      const file = openSync(path, "w");
      await sleep(500 + Math.random() * 1500);
      writeSync(file, content.subarray(0, content.length / 2));
      await sleep(Math.random() * 500);
      writeSync(file, content.subarray(content.length / 2));
      closeSync(file);
      written += 1;
      if (!isThere(path, content)) lost += 1;
      await sleep(100);
    }
  }
  process.stdout.write(`${JSON.stringify({ written, lost } satisfies SlowWrites)}\n`);
}

function isThere(path: string, content: Buffer): boolean {
  try {
    return readFileSync(path).equals(content);
  } catch {
    return false;
  }
}

if (import.meta.main) await writeSlowly(process.argv.slice(2));
