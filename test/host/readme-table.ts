import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A row of the table "You see … → run …" in the README. */
export interface TableLine {
  readonly sees: string;
  /** The commands in the last column of the row. Each is the list of words after `REPAIR`. */
  readonly commands: readonly (readonly string[])[];
}

const README = join(import.meta.dirname, "..", "..", "README.md");

export function readmeTable(): TableLine[] {
  const text = readFileSync(README, "utf8");
  const [, table = ""] = text.split("\n## You see … → run …\n");
  const lines = (table.split("\n## ")[0] ?? "").split("\n").filter((line) => /^\| (?!you see)/.test(line));
  return lines.map((line) => {
    // Splitting at every vertical bar is enough, because the table has no vertical bar in code.
    const cells = line.split("|").map((cell) => cell.trim());
    const commands = [...(cells[3] ?? "").matchAll(/`REPAIR ?([^`]*)`/g)];
    return { sees: cells[1] ?? "", commands: commands.map(([, words = ""]) => words.split(" ").filter(Boolean)) };
  });
}

/** The first row that contains all of these words. A reader who searches for a text finds this row too. */
export function lineFor(...words: readonly string[]): TableLine {
  const found = readmeTable().find(({ sees }) => words.every((word) => sees.includes(word)));
  if (found === undefined) throw new Error(`no line of the README's table has ${words.join(", ")}`);
  return found;
}
