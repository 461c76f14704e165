import { z } from "zod";
import type { ManifestItem } from "../model/manifest-item.ts";
import { isRunID } from "./run-id.ts";

/** The version of the manifest format. A manifest of another version is reported as unreadable, and never used. */
const MANIFEST_VERSION = 1;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().nonnegative();
const time = z.iso.datetime();
/** A path inside the folder of a repair run: a plain name below `items/`, which cannot lead out of that folder. */
const itemFile = z.string().regex(/^items\/[A-Za-z0-9][A-Za-z0-9._-]*$/);

const savedBytes = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ file: itemFile, offset: size.exactOptional(), bytes: size, sha256: hash }),
]);

/**
 * One column of a quarantined row: its SQLite storage class and its exact value. Only a short UTF-8 text is stored in
 * the manifest itself. Every longer text or blob has a file of its own.
 */
const cell = z.union([
  z.strictObject({ storage: z.literal("null") }),
  z.strictObject({ storage: z.enum(["integer", "real"]), number: z.string().max(64) }),
  z.strictObject({ storage: z.enum(["text", "blob"]), value: savedBytes }),
]);

/** One column of a row after a repair replaced its value. A number is stored as it is, a text or blob as its hash. */
const cellDigest = z.union([
  z.strictObject({ storage: z.literal("null") }),
  z.strictObject({ storage: z.enum(["integer", "real"]), number: z.string().max(64) }),
  z.strictObject({ storage: z.enum(["text", "blob"]), bytes: size, sha256: hash }),
]);

const fieldChange = z.strictObject({
  path: z.array(z.union([z.string(), z.int()])).max(16),
  from: z.json().exactOptional(),
  to: z.json().exactOptional(),
});

/** The content that a repair wrote in place of the original. */
const replacement = z.strictObject({
  /** The place from which the repair got the new content, in words. */
  source: z.string(),
  /** The SHA-256 of the new file or value. If several columns were changed, one hash covers all of them. */
  sha256: hash,
  /**
   * For a file: the name under which the new content waits in the repair run's folder, until it is moved to its place.
   * For an added session: the file that lists its rows.
   */
  file: itemFile.exactOptional(),
  bytes: size.exactOptional(),
  /** The new key of a row that got another id. */
  key: z.strictObject({ id: z.string() }).exactOptional(),
  /** For each column that the repair changed in a row: the digest of its new value. */
  columns: z.record(z.string(), cellDigest).exactOptional(),
  /** The fields of a document that the repair added or changed. */
  fields: z.array(fieldChange).exactOptional(),
});

const locator = z.union([
  z.strictObject({ path: z.string().min(1).max(4096) }),
  z.strictObject({
    table: z.enum(["session", "project", "message", "part", "session_v2", "session_message"]),
    key: z.strictObject({ id: z.string() }),
    column: z.string().max(128).exactOptional(),
  }),
]);

const item = z.strictObject({
  id: z.string().regex(/^\d{4,8}$/),
  kind: z.enum([
    "session",
    "message",
    "part",
    "project",
    "todo",
    "session_diff",
    "stray",
    "database",
    "table",
    "side_file",
    "setting",
    "prompt",
    "instruction",
  ]),
  recordID: z.string().nullable(),
  locator,
  code: z.string(),
  evidence: z.string(),
  remedy: z.enum(["quarantine", "recover", "normalise", "settle", "rescue"]),
  state: z.enum(["planned", "done", "restored", "rolled-back", "skipped"]),
  /**
   * The item of the message to which this part belongs. A message and its parts leave the database together, and return
   * together.
   */
  partOf: z.string().exactOptional(),
  /** The bytes before the repair; `null` if the record did not exist before. */
  original: z
    .strictObject({
      file: itemFile,
      /**
       * The position of the original bytes in a file that several items share. Absent if the bytes are the whole file.
       */
      offset: size.exactOptional(),
      bytes: size,
      sha256: hash,
      /** The modification time of a file, in ISO 8601; `null` for a database row. */
      mtime: time.nullable(),
      /** The permission bits of a file as octal digits; `null` for a database row. */
      mode: z
        .string()
        .regex(/^[0-7]{3,4}$/)
        .nullable(),
      row: z
        .strictObject({
          rowID: z
            .string()
            .regex(/^-?\d+$/)
            .nullable(),
          sha256: hash,
          /** The record that the row belongs to was missing already. */
          isOrphan: z.literal(true).exactOptional(),
          columns: z.record(z.string(), cell),
        })
        .exactOptional(),
    })
    .nullable(),
  replacement: replacement.exactOptional(),
});

const safetyCopy = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("complete"), files: size, bytes: size }),
  z.strictObject({ state: z.literal("skipped"), reason: z.string() }),
]);

/**
 * The manifest of one repair of one session. The manifest lists each changed record, its place, the problem, and where
 * the original bytes are.
 */
export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(MANIFEST_VERSION),
  runID: z.string().refine(isRunID, "not a run id"),
  sessionID: z.string().nullable(),
  createdAt: time,
  trigger: z.enum(["preload", "watch", "command", "tool", "tui", "cli"]),
  tool: z.strictObject({ name: z.string(), version: z.string() }),
  host: z.strictObject({ version: z.string() }).nullable(),
  store: z.strictObject({
    generation: z.enum(["json", "sqlite"]),
    contract: z.enum(["syntax", "strict"]),
    /**
     * The path of the database. The path is relative to opencode's data directory if the database is inside that
     * directory.
     */
    database: z.string().exactOptional(),
  }),
  state: z.enum(["planned", "done", "restored", "rolled-back"]),
  safetyCopy,
  items: z.array(item),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Trigger = Manifest["trigger"];

/** A path in an error message is cut to this length, because the names in a manifest may be of any length. */
const LONGEST_PLACE = 100;

export type ManifestReading =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly problem: string };

/** Reads a manifest as untrusted input: every value is checked before it is used. */
export function parseManifest(text: string): ManifestReading {
  let parsed: ReturnType<typeof manifestSchema.safeParse>;
  try {
    parsed = manifestSchema.safeParse(JSON.parse(text));
  } catch (error) {
    // A JSON text with very deep nesting exhausts the stack, which throws a `RangeError`.
    return { ok: false, problem: `the manifest is ${error instanceof RangeError ? "too deep" : "not valid JSON"}` };
  }
  if (!parsed.success) {
    const place = parsed.error.issues[0]?.path.join(".").slice(0, LONGEST_PLACE) || "its top";
    return { ok: false, problem: `the manifest is not valid at ${place}` };
  }
  const ids = new Set(parsed.data.items.map((each) => each.id));
  // Originals with an offset may share one file. Any other file may belong to only one item.
  const files = parsed.data.items.flatMap(({ original, replacement }) =>
    [original?.offset === undefined ? original?.file : undefined, replacement?.file].filter(
      (file) => file !== undefined,
    ),
  );
  if (ids.size !== parsed.data.items.length || new Set(files).size !== files.length) {
    return { ok: false, problem: "the manifest names an item twice" };
  }
  const contradiction = contradictionIn(parsed.data);
  if (contradiction !== null) return { ok: false, problem: contradiction };
  return { ok: true, manifest: parsed.data };
}

/**
 * Finds values that no repair of this tool would have written together. Example: an item for a file in the manifest of
 * a database. Returns the problem in words, or `null`.
 */
function contradictionIn({ sessionID, store, items }: Manifest): string | null {
  const ofDatabase = items.filter(({ kind }) => kind === "database");
  if (ofDatabase.length > 0) {
    const isRun = sessionID === null && RULES[store.generation].mayBeWhole && ofDatabase.length === items.length;
    return isRun && items.every((each) => isDatabaseFile(each, store.database ?? "")) ? null : FOREIGN;
  }
  const places = new Set(items.map(({ locator }) => JSON.stringify(locator)));
  if (places.size !== items.length) return "the manifest names a place twice";
  return items.every(RULES[store.generation].isAtHome) ? null : FOREIGN;
}

interface ItemRules {
  /** Whether an item can belong to a store of this kind: a file below `storage/`, or a row of a database. */
  readonly isAtHome: (item: ManifestItem) => boolean;
  /** Whether a repair may replace the whole store, as a salvage does with a database. */
  readonly mayBeWhole: boolean;
}

const RULES: Readonly<Record<Manifest["store"]["generation"], ItemRules>> = {
  json: { isAtHome: isFileItem, mayBeWhole: false },
  sqlite: { isAtHome: isRowItem, mayBeWhole: true },
};

const FOREIGN = "the manifest has an item that cannot be in its store";

function isFileItem({ locator, original, replacement }: ManifestItem): boolean {
  return "path" in locator && original?.row === undefined && replacement?.columns === undefined;
}

function isRowItem({ kind, locator, original, replacement }: ManifestItem): boolean {
  // An item of this kind is one of opencode's own tables, which a repair completed. A separate file lists the change.
  if (kind === "table") return "path" in locator && original === null && replacement?.file !== undefined;
  if ("path" in locator) return false;
  if (original === null) return replacement !== undefined;
  const id = original.row?.columns.id;
  return id !== undefined && "value" in id && (!("text" in id.value) || id.value.text === locator.key.id);
}

function isDatabaseFile({ locator, original, replacement }: ManifestItem, database: string): boolean {
  const name = database.replace(/^.*[\\/]/, "");
  const isOwn = "path" in locator && ["", "-wal", "-shm", "-journal"].some((end) => locator.path === name + end);
  const isWhole = replacement?.file === undefined && replacement?.columns === undefined;
  return isOwn && isWhole && original !== null && original.row === undefined;
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
