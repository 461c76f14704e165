import { spyOn } from "bun:test";
import { thisSystem } from "../../plugin/platform/this-system.ts";

/**
 * From now on, reports that no process has a file open, which is true in an experiment. To ask Linux about all open
 * files of the machine takes more time than the rest of the experiment. Other answers are tested in
 * test/salvage/swap-beside-opener.test.ts, test/repair/settle-time.test.ts and test/live. Returns a function that ends
 * this.
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
