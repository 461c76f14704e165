import type { RecordKind } from "../model/artifact.ts";
import type { Replacement } from "../model/replacement.ts";
import { plural } from "./amounts.ts";

/** A record that is to be completed. */
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
  /** The number of records for each value. */
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

/** Ids differ from record to record, so a list of old ids is not useful to a user. */
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

/** The first lines of a list as one text, with the number of the others. */
export function inOneSentence(lines: readonly string[], most: number): string {
  const more = lines.length > most ? `; and ${lines.length - most} more` : "";
  return `${lines.slice(0, most).join("; ")}${more}`;
}
