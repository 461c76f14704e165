import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { REPOSITORY } from "../package/packed.ts";

const PLUGIN = join(REPOSITORY, "plugin");

/** A text with fewer words is a name, a value or a fragment. */
const FEWEST_WORDS = 5;

const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const TEXT = /"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;
const SQL =
  /\b(select|insert (?:or \w+ )?into|update \S+ set|delete from|alter table|create (?:table|index|trigger|unique)|pragma|case when)\b/;

const EXPORTED = /^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm;

/** The sentences in the texts of a module. Each value in a template is replaced with `§`. */
function sentencesOf(source: string): string[] {
  return [...source.replace(COMMENT, "").matchAll(TEXT)]
    .map(([, text, template]) => text ?? template ?? "")
    .filter((text) => !SQL.test(text))
    .flatMap((text) => text.replace(/\$\{[^}]*\}/g, "§").split(/(?<=[.!?;])\s+/))
    .map((sentence) => sentence.replace(/[.;]$/, "").trim())
    .filter((sentence) => sentence.split(/\s+/).filter((word) => word !== "§").length >= FEWEST_WORDS);
}

test("no sentence stands in two modules", async () => {
  const modules = new Map<string, Set<string>>();
  const values = new Set<string>();
  for await (const path of new Glob("**/*.ts").scan(PLUGIN)) {
    for (const sentence of sentencesOf(await Bun.file(join(PLUGIN, path)).text())) {
      modules.set(sentence, (modules.get(sentence) ?? new Set()).add(path));
      if (path.startsWith("model")) values.add(sentence);
    }
  }
  const twice = [...modules].filter(([sentence, paths]) => paths.size > 1 && !values.has(sentence));
  expect(twice.map(([sentence, paths]) => `${sentence} [${[...paths].sort().join(", ")}]`)).toEqual([]);
  expect(modules.size).toBeGreaterThan(500);
});

test("no exported name stands for two things", async () => {
  const modules = new Map<string, string[]>();
  for await (const path of new Glob("**/*.ts").scan(PLUGIN)) {
    const source = await Bun.file(join(PLUGIN, path)).text();
    for (const [, name = ""] of source.matchAll(EXPORTED)) modules.set(name, [...(modules.get(name) ?? []), path]);
  }
  const twice = [...modules].filter(([, paths]) => paths.length > 1);
  expect(twice.map(([name, paths]) => `${name} [${paths.sort().join(", ")}]`)).toEqual([]);
  expect(modules.size).toBeGreaterThan(500);
});
