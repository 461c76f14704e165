import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A line of the README's table "You see … → run …". */
export interface TableLine {
  readonly sees: string;
  /** The commands of its last column, each as words behind `REPAIR`. */
  readonly commands: readonly (readonly string[])[];
}

const README = join(import.meta.dirname, "..", "..", "README.md");

export function readmeTable(): TableLine[] {
  const text = readFileSync(README, "utf8");
  const [, table = ""] = text.split("\n## You see … → run …\n");
  const lines = (table.split("\n## ")[0] ?? "").split("\n").filter((line) => /^\| (?!you see)/.test(line));
  return lines.map((line) => {
    // A bar between backticks would be part of a code, and there is none.
    const cells = line.split("|").map((cell) => cell.trim());
    const commands = [...(cells[3] ?? "").matchAll(/`REPAIR ?([^`]*)`/g)];
    return { sees: cells[1] ?? "", commands: commands.map(([, words = ""]) => words.split(" ").filter(Boolean)) };
  });
}

/** The first line of the table with all of these words; who searches for a text finds that one. */
export function lineFor(...words: readonly string[]): TableLine {
  const found = readmeTable().find(({ sees }) => words.every((word) => sees.includes(word)));
  if (found === undefined) throw new Error(`no line of the README's table has ${words.join(", ")}`);
  return found;
}
