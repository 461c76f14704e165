import type { RecordKind } from "../model/artifact.ts";
import type { Replacement } from "../model/replacement.ts";
import { plural } from "./amounts.ts";

/** A record in which a repair fills in missing fields. */
export interface Changing {
  readonly kind: RecordKind;
  readonly replacement: Replacement | null;
}

/** At most this many values of one field are shown one by one. */
const MOST_VALUES = 3;

interface Place {
  readonly kind: RecordKind;
  readonly path: string;
  readonly from: string;
  /** For each new value, the number of records that get it. */
  readonly values: Map<string, number>;
}

/**
 * The changes of completed records, counted by field, the most frequent first: `54,051 messages: agent: (missing) ->
 * build`. These lines show no session content and no paths.
 */
export function changeLines(changing: readonly Changing[]): string[] {
  const places = new Map<string, Place>();
  for (const { kind, replacement } of changing) {
    for (const { path, from, to } of replacement?.changes ?? []) {
      const name = path.replace(/\[\d+\]/g, "[…]");
      const key = `${kind} ${name} ${isNamed(from) ? from : ""}`;
      const place = places.get(key) ?? { kind, path: name, from, values: new Map<string, number>() };
      place.values.set(to, (place.values.get(to) ?? 0) + 1);
      places.set(key, place);
    }
  }
  return [...places.values()]
    .flatMap(linesOf)
    .sort((a, b) => b.count - a.count)
    .map(({ line }) => line);
}

/** Whether an old value is worth showing. Old ids differ from record to record, so a list of them is not useful. */
function isNamed(from: string): boolean {
  return !/^[a-z]+[_-]/i.test(from);
}

function linesOf({ kind, path, from, values }: Place): { line: string; count: number }[] {
  const old = isNamed(from) || values.size === 1 ? from : "(an id)";
  if (values.size <= MOST_VALUES) {
    return [...values].map(([to, count]) => ({ count, line: `${plural(count, kind)}: ${path}: ${old} -> ${to}` }));
  }
  const count = [...values.values()].reduce((sum, each) => sum + each, 0);
  return [{ count, line: `${plural(count, kind)}: ${path}: ${old} -> ${plural(values.size, "value")}, each its own` }];
}

/** The first lines of a list in one sentence, with the number of lines that were left out. */
export function inOneSentence(lines: readonly string[], most: number): string {
  const more = lines.length > most ? `; and ${lines.length - most} more` : "";
  return `${lines.slice(0, most).join("; ")}${more}`;
}
