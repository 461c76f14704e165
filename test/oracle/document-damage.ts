import type { Json } from "../records/samples.ts";
import type { Random } from "./random.ts";

/** A damaged document, and a description of the damage for a person to read. */
export interface DamagedDocument {
  readonly what: string;
  readonly bytes: Buffer;
  /** Whether the document is stored as a BLOB, if the store has that type. */
  readonly isBlob: boolean;
}

type Path = readonly (string | number)[];
type Tree = { [key: string]: Tree } | Tree[] | null | boolean | number | string;

/**
 * A text with this prefix stands for a number that JavaScript cannot write. The number replaces the text in the JSON.
 */
const RAW = "@raw:";

const OTHER_VALUES: readonly (() => Tree)[] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => 7,
  () => -3,
  () => 1.5,
  () => "",
  () => "other",
  () => [],
  () => ({}),
  () => ["other"],
  () => [null],
  () => ({ other: 1 }),
  () => `${RAW}1e999`,
  () => `${RAW}-0`,
  () => `${RAW}1e20`,
  () => `${RAW}9007199254740993`,
  () => `${RAW}"\\ud800"`,
];

const TAGS: Readonly<Record<string, readonly string[]>> = {
  type: ["text", "reasoning", "file", "tool", "step-start", "step-finish", "patch", "agent", "symbol", "unheard-of"],
  status: ["pending", "running", "completed", "error", "added", "unheard-of"],
  role: ["user", "assistant", "system"],
  name: ["UnknownError", "APIError", "MessageAbortedError", "MessageOutputLengthError", "UnheardOf"],
  action: ["allow", "deny", "ask", "perhaps"],
};

/** Damages a document once, as the seed decides: mostly a value in its tree, sometimes its text or bytes. */
export function damageDocument(document: Json, random: Random): DamagedDocument {
  if (random.chance(0.03)) return { what: "unchanged", bytes: Buffer.from(JSON.stringify(document)), isBlob: false };
  return random.chance(0.8) ? damageTree(document, random) : damageText(document, random);
}

/** Damages one value in the tree of a document, as the seed decides. The document stays valid JSON. */
export function damageTree(document: Json, random: Random): DamagedDocument {
  const tree = structuredClone(document) as Tree;
  const path = random.pick(pathsOf(tree));
  const what = `${damageAt(tree, path, random)} at ${path.join(".")}`;
  return { what, bytes: Buffer.from(textOf(tree)), isBlob: false };
}

/** The paths of all nodes except the root. If the root has no nodes below it, the path of the root. */
function pathsOf(tree: Tree): Path[] {
  const found: Path[] = [];
  const visit = (at: Tree, path: Path) => {
    if (typeof at !== "object" || at === null) return;
    for (const [key, below] of Object.entries(at)) {
      const next = [...path, key];
      found.push(next);
      visit(below, next);
    }
  };
  visit(tree, []);
  return found.length === 0 ? [[]] : found;
}

function damageAt(tree: Tree, path: Path, random: Random): string {
  const key = String(path.at(-1) ?? "");
  const holder = path.slice(0, -1).reduce<Tree>((at, step) => child(at, step), tree);
  if (typeof holder !== "object" || holder === null) return "nothing";
  const own = holder as { [key: string]: Tree };
  const value = own[key] ?? null;
  const tags = TAGS[key];
  if (tags !== undefined && random.chance(0.4)) {
    own[key] = random.pick(tags);
    return `set to ${String(own[key])}`;
  }
  switch (random.below(8)) {
    case 0:
    case 1:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete own[key];
      return "dropped";
    case 2:
      own[key] = null;
      return "null";
    case 3:
      own[`extra-${random.below(9)}`] = random.pick(OTHER_VALUES)();
      return "extra key beside";
    case 4:
      if (typeof value === "number") {
        own[key] = random.pick([value + 0.5, -value - 1, value * 1e10, `${RAW}${value}.0`, `${value}`]);
        return "other number";
      }
      if (typeof value === "string") {
        own[key] = random.pick([value.toUpperCase(), `x${value}`, value.slice(1), `${value} `]);
        return "other text";
      }
      own[key] = structuredClone(random.pick(OTHER_VALUES)());
      return "other value";
    case 5:
      if (!Array.isArray(holder)) {
        own[key.toUpperCase()] = value;
        delete own[key];
        return "renamed";
      }
      holder.push(random.pick(OTHER_VALUES)());
      return "one more element";
    default: {
      own[key] = random.pick(OTHER_VALUES)();
      return `replaced by ${JSON.stringify(own[key])}`;
    }
  }
}

function child(at: Tree, step: string | number): Tree {
  return typeof at === "object" && at !== null ? ((at as { [key: string]: Tree })[step] ?? null) : null;
}

function textOf(tree: Tree): string {
  return JSON.stringify(tree).replace(/"@raw:((?:[^"\\]|\\.)*)"/g, (_, raw: string) => JSON.parse(`"${raw}"`));
}

function damageText(document: Json, random: Random): DamagedDocument {
  const whole = Buffer.from(JSON.stringify(document));
  const somewhere = random.below(whole.length);
  const text = (what: string, bytes: Buffer | string): DamagedDocument => ({
    what,
    bytes: Buffer.from(bytes),
    isBlob: false,
  });
  const byte = (value: number) => {
    const changed = Buffer.from(whole);
    changed[somewhere] = value;
    return changed;
  };
  switch (random.below(20)) {
    case 0:
      return text("empty", "");
    case 1:
      return text("blank", " \n");
    case 2:
    case 3:
      return text(`cut at ${somewhere}`, whole.subarray(0, somewhere));
    case 4:
      return text("NULs after the document", Buffer.concat([whole, Buffer.alloc(random.below(64) + 1)]));
    case 5:
      return text("all NUL", Buffer.alloc(whole.length));
    case 6:
      return text(
        "something after the document",
        Buffer.concat([whole, Buffer.from(random.pick(["x", "{}", ",", "]"]))]),
      );
    case 7:
      return text("byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole]));
    case 8:
      return text(`a byte that is not UTF-8 at ${somewhere}`, byte(random.pick([0xff, 0xc3, 0x80])));
    case 9:
      return text(`another byte at ${somewhere}`, byte(random.below(128)));
    case 10:
      return text("white space around", `\n\t ${whole.toString()} \r\n`);
    case 11:
      return text("two documents", Buffer.concat([whole, whole]));
    case 12:
      return text("document inside a string", JSON.stringify(whole.toString()));
    case 13:
      return { what: "BLOB", bytes: whole, isBlob: true };
    case 14:
      return { what: "BLOB of one byte", bytes: Buffer.from("5"), isBlob: true };
    case 15:
      return text("a key twice", whole.toString().replace(/^\{/, `{${firstKeyAgain(document, random)}`));
    case 16:
      return text("UTF-16 with byte order mark", Buffer.from(`\ufeff${whole.toString()}`, "utf16le"));
    default: {
      const value = random.pick([
        "null",
        "true",
        "false",
        "0",
        "42",
        '""',
        '"text"',
        "[]",
        "[1]",
        "{}",
        "1e999",
        '{"a":1}',
      ]);
      return text(`nothing but ${value}`, value);
    }
  }
}

function firstKeyAgain(document: Json, random: Random): string {
  if (typeof document !== "object" || document === null || Array.isArray(document)) return "";
  const keys = Object.keys(document);
  return keys.length === 0 ? "" : `${JSON.stringify(random.pick(keys))}:null,`;
}
