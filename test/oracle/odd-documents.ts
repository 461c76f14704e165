import type { Json } from "../records/samples.ts";
import type { DamagedDocument } from "./document-damage.ts";
import { KEYS, NUMBERS, SAME, TAGS, TEXTS, UNREADABLE } from "./odd-values.ts";
import type { Random } from "./random.ts";

/** A piece of JSON text that is inserted unchanged, for values that JavaScript cannot represent. */
class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** An object that can contain a key twice, and whose keys can be in any order. */
class Entries {
  readonly list: [key: Node | string, value: Node][];

  constructor(list: [Node | string, Node][]) {
    this.list = list;
  }
}

type Node = Raw | Entries | Node[] | null | boolean | number | string;

/**
 * Makes one to three seeded changes that `damageDocument` does not make: odd numbers, texts, keys, ids and depths,
 * pieces of `others`, duplicate keys, and text that is almost JSON.
 */
export function oddDocument(document: Json, others: readonly Json[], random: Random): DamagedDocument {
  const dice = random.next();
  if (dice < 0.12) {
    const text = JSON.stringify(document);
    const index = random.below(UNREADABLE.length);
    const changed = UNREADABLE[index]?.(text, random.below(text.length)) ?? text;
    return { what: `almost JSON ${index}`, bytes: Buffer.from(changed), isBlob: false };
  }
  if (dice < 0.17) {
    const index = random.below(SAME.length);
    const changed = SAME[index]?.(JSON.stringify(document)) ?? "";
    return { what: `the same in other signs ${index}`, bytes: Buffer.from(changed), isBlob: false };
  }
  if (dice < 0.2) {
    const value = textOf(oddValue(random, null));
    return { what: `nothing but ${value.slice(0, 60)}`, bytes: Buffer.from(value), isBlob: random.chance(0.2) };
  }
  const root = new Entries([["", nodeOf(document)]]);
  const changes = random.pick([1, 1, 1, 1, 2, 3]);
  const what: string[] = [];
  for (let left = changes; left > 0; left -= 1) what.push(change(root, others, random));
  return { what: what.join("; "), bytes: Buffer.from(textOf(root.list[0]?.[1] ?? null)), isBlob: false };
}

interface Spot {
  readonly holder: Node[] | Entries;
  readonly index: number;
  readonly path: string;
}

function nodeOf(value: Json): Node {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(nodeOf);
  return new Entries(Object.entries(value).map(([key, below]) => [key, nodeOf(below)]));
}

function spotsOf(root: Entries): Spot[] {
  const found: Spot[] = [];
  const visit = (holder: Node[] | Entries, path: string) => {
    const values = holder instanceof Entries ? holder.list.map(([, value]) => value) : holder;
    values.forEach((value, index) => {
      const key = holder instanceof Entries ? holder.list[index]?.[0] : index;
      const next = `${path}.${key instanceof Raw ? key.text : String(key)}`;
      if (holder !== root) found.push({ holder, index, path: next });
      if (found.length < 3000 && (value instanceof Entries || Array.isArray(value))) visit(value, next);
    });
  };
  visit(root, "");
  return found;
}

function valueAt({ holder, index }: Spot): Node {
  return (holder instanceof Entries ? holder.list[index]?.[1] : holder[index]) ?? null;
}

function put({ holder, index }: Spot, value: Node): void {
  if (!(holder instanceof Entries)) holder[index] = value;
  else if (holder.list[index] !== undefined) holder.list[index][1] = value;
}

function change(root: Entries, others: readonly Json[], random: Random): string {
  const own = spotsOf(root);
  if (own.length === 0) {
    root.list[0] = ["", oddValue(random, null)];
    return "all replaced";
  }
  const spot = random.pick(own);
  const { holder, index, path } = spot;
  const value = valueAt(spot);
  const key = holder instanceof Entries ? String(holder.list[index]?.[0]) : "";
  const tags = Object.hasOwn(TAGS, key) ? TAGS[key] : undefined;
  if (tags !== undefined && random.chance(0.5)) {
    const tag = new Raw(`"${random.pick(tags)}"`);
    put(spot, tag);
    return `${tag.text} at ${path}`;
  }
  switch (random.below(12)) {
    case 0:
      return duplicate(spot, random);
    case 1: {
      if (!(holder instanceof Entries)) break;
      const name = random.pick([...KEYS, `${key} `, `${key}\u0000`, key.toLowerCase(), `${key}ID`, `_${key}`]);
      const entry = holder.list[index];
      if (entry !== undefined) entry[0] = name;
      return `renamed to ${JSON.stringify(name)} at ${path}`;
    }
    case 2: {
      if (!(holder instanceof Entries)) break;
      const name = random.pick(KEYS);
      holder.list.push([name, oddValue(random, value)]);
      return `also ${JSON.stringify(name)} beside ${path}`;
    }
    case 3:
    case 4: {
      const spots = spotsOf(new Entries([["", nodeOf(random.pick(others))]]));
      if (spots.length === 0) break;
      const other = random.pick(spots);
      put(spot, valueAt(other));
      return `the value of ${other.path} at ${path}`;
    }
    case 5:
      put(
        spot,
        random.pick([[value], new Entries([["value", value]]), textOf(value), new Entries([]), [value, value]]),
      );
      return `wrapped at ${path}`;
    case 6: {
      if (Array.isArray(value)) put(spot, new Entries(value.map((each, at) => [String(at), each])));
      else if (value instanceof Entries)
        put(
          spot,
          value.list.map(([, each]) => each),
        );
      else break;
      return `list and object exchanged at ${path}`;
    }
    case 7: {
      if (value instanceof Entries) value.list.reverse();
      else if (Array.isArray(value)) value.reverse();
      else break;
      return `other order at ${path}`;
    }
    case 8: {
      if (!(holder instanceof Entries)) break;
      const entry = holder.list[index];
      if (entry !== undefined) entry[0] = new Raw(escaped(key));
      return `key in escapes at ${path}`;
    }
    case 9: {
      if (holder instanceof Entries) holder.list.splice(index, 1);
      else holder.splice(index, 0, null);
      return `dropped or one null more at ${path}`;
    }
    default:
      break;
  }
  const other = oddValue(random, value);
  put(spot, other);
  return `${textOf(other).slice(0, 60)} at ${path}`;
}

/** Adds the same key again, before or after the existing one. JSON.parse uses the last of them. */
function duplicate(spot: Spot, random: Random): string {
  const { holder, index, path } = spot;
  if (!(holder instanceof Entries)) {
    holder.splice(index, 0, valueAt(spot));
    return `twice at ${path}`;
  }
  const key = holder.list[index]?.[0] ?? "";
  const again = random.chance(0.5) && typeof key === "string" ? new Raw(escaped(key)) : key;
  const isBehind = random.chance(0.5);
  holder.list.splice(isBehind ? holder.list.length : 0, 0, [again, oddValue(random, valueAt(spot))]);
  return `key twice, other value ${isBehind ? "behind" : "before"} ${path}`;
}

function escaped(key: string): string {
  return `"${[...key].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}"`;
}

function oddValue(random: Random, value: Node): Node {
  switch (random.below(6)) {
    case 0:
    case 1:
      if (typeof value === "number" && random.chance(0.4)) {
        return new Raw(random.pick([`${value}.0`, `${value}e0`, `-${Math.abs(value)}`, `${value}.25`, `${value}e-1`]));
      }
      return new Raw(random.pick(NUMBERS));
    case 2:
    case 3:
      if (typeof value === "string" && random.chance(0.5)) {
        const text = JSON.stringify(value).slice(1, -1);
        return new Raw(
          `"${random.pick([`${text}\\u0000`, `\\ud800${text}`, ` ${text}`, text.toUpperCase(), `${text}\\n`])}"`,
        );
      }
      return new Raw(`"${random.pick(TEXTS)}"`);
    case 4:
      return nested(random.pick([1, 40, 400, 1500]), random.chance(0.5));
    default:
      return random.pick<Node>([
        [],
        new Entries([]),
        [[]],
        new Entries([["__proto__", new Entries([["type", "text"]])]]),
        new Entries([["length", 2]]),
        new Entries([["toJSON", "x"]]),
        new Raw(`"${"long ".repeat(20_000)}"`),
        Array.from({ length: 300 }, () => 0),
        true,
        null,
      ]);
  }
}

function nested(depth: number, isList: boolean): Raw {
  return isList
    ? new Raw(`${"[".repeat(depth)}${"]".repeat(depth)}`)
    : new Raw(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
}

function textOf(node: Node): string {
  if (node instanceof Raw) return node.text;
  if (Array.isArray(node)) return `[${node.map(textOf).join(",")}]`;
  if (!(node instanceof Entries)) return JSON.stringify(node);
  return `{${node.list.map(([key, value]) => `${textOf(key)}:${textOf(value)}`).join(",")}}`;
}
