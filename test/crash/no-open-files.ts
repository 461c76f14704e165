import { spyOn } from "bun:test";
import { thisSystem } from "../../plugin/platform/this-system.ts";

/**
 * Makes the system say, from now on, that no process has a file open, which is so in an experiment. Linux would have to be
 * asked about every open file of the machine, which costs more than all the rest. What comes of another answer is tried in
 * test/salvage/swap-beside-opener.test.ts, test/repair/settle-time.test.ts and test/live. Returns what ends it.
 */
export async function withoutOpenFiles(): Promise<() => void> {
  const { openFiles } = await thisSystem();
  if (openFiles === null) return () => undefined;
  const spies = [
    spyOn(openFiles, "openersOf").mockImplementation(async () => []),
    spyOn(openFiles, "openForWriting").mockImplementation(() => new Set()),
  ];
  return () => {
    for (const spy of spies) spy.mockRestore();
  };
}
