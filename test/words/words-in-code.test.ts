import { expect, test } from "bun:test";
import { createRequire } from "node:module";

const { Processor } = createRequire(import.meta.url)("../../lint/words-in-code.cjs");

/**
 * The text of a code file that the check of words reads. Everything else is blank. In `source`, `§{` stands for the two
 * characters that begin a value in a template.
 */
function readOf(source: string): string {
  return new Processor().processor(".ts").preProcess(source.replaceAll("§", "$")).text;
}

function wordsOf(source: string): string[] {
  return readOf(source).split(/\s+/).filter(Boolean);
}

test("comments, names of tests and sentences are read; names in the code and single words are not", () => {
  expect(wordsOf("const painted = 1; // is painted\n/** It shines. */ shine(painted);")).toEqual([
    ..."// is painted /** It shines. */".split(" "),
  ]);
  expect(wordsOf('test("a part is painted", () => wash("painted"));')).toEqual(['"a', "part", "is", 'painted"']);
  expect(wordsOf("say(`§{painted(1)} parts, §{wash('it is washed')} left`)")).toEqual([
    ..."parts, 'it is washed' left".split(" "),
  ]);
  expect(wordsOf("const key = `§{painted}:§{washed}`;")).toEqual([]);
});

test("a quote in a regular expression or a comment begins no text, and a slash may divide", () => {
  expect(wordsOf("const quoted = /[\"'`/]/g; const x = painted / 2; // it's \"half\npainted()")).toEqual([
    ..."// it's \"half".split(" "),
  ]);
  expect(wordsOf("`a §{b ? `inner words` : { c: '}' }} z`; painted")).toEqual(["a", "inner", "words", "z"]);
});

test("each word stays at its place", () => {
  const source = 'painted();\n  test("is it there", () => {});\n';
  const read = readOf(source);
  expect([read.length, read.indexOf('"is it')]).toEqual([source.length, source.indexOf('"is it')]);
  expect(read.split("\n").map((line) => line.trim())).toEqual(["", '"is it there"', ""]);
});
