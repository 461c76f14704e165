import { expect, test } from "bun:test";
import { join } from "node:path";
import { nodeWithSqlite } from "./node-runtime.ts";

test("Node's SQLite passes the same suite", async () => {
  const suite = join(import.meta.dirname, "sqlite-store.test.ts");
  const flags = ["--experimental-transform-types", "--no-warnings", "--test", "--test-reporter=tap"];
  const child = Bun.spawn([await nodeWithSqlite(), ...flags, suite], { stdout: "pipe", stderr: "pipe" });
  const [output, status] = [await new Response(child.stdout).text(), await child.exited];
  const failures = output.split("\n").filter((line) => /^\s*not ok/.test(line));
  expect({ failures, status }).toEqual({ failures: [], status: 0 });
  expect(Number(/^# pass (\d+)/m.exec(output)?.[1])).toBeGreaterThan(30);
});
