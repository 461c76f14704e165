import type { Random } from "../oracle/random.ts";

/** Pieces of text and bytes that often cause errors in parsers. */
const SPLINTERS = [
  ...["\0", "{", "}", "[", "]", '"', "\\", "\\u", "\\ud800", "null", "-", "1e999", "9".repeat(400), "[".repeat(2000)],
  ...['{"__proto__":{"polluted":true}}', '"constructor":', "\ufeff", "\u2028", "\r\n", "../../../../etc/passwd"],
].map((text) => Buffer.from(text));

const NOT_UTF8 = [Buffer.from([0xff, 0xfe]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xc0, 0xaf])];

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, random) {
    const mutated = Buffer.from(bytes);
    for (let count = 1 + random.below(4); count > 0 && mutated.length > 0; count -= 1) {
      const at = random.below(mutated.length);
      mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8));
    }
    return mutated;
  },
  function overwrite(bytes, random) {
    const mutated = Buffer.from(bytes);
    const [start, end] = span(bytes, random);
    for (let at = start; at < end; at += 1) mutated[at] = random.below(256);
    return mutated;
  },
  function wipe(bytes, random) {
    const [start, end] = span(bytes, random);
    return Buffer.from(bytes).fill(random.chance(0.8) ? 0 : 0xff, start, end);
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    const splinter = random.pick([...SPLINTERS, ...NOT_UTF8, Buffer.alloc(1 + random.below(5000))]);
    return Buffer.concat([bytes.subarray(0, at), splinter, bytes.subarray(at)]);
  },
  function remove(bytes, random) {
    const [start, end] = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function repeat(bytes, random) {
    const [start, end] = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  function swapBlocks(bytes, random) {
    const [first, middle] = span(bytes, random);
    const end = middle + random.below(bytes.length - middle + 1);
    return Buffer.concat([
      bytes.subarray(0, first),
      bytes.subarray(middle, end),
      bytes.subarray(first, middle),
      bytes.subarray(end),
    ]);
  },
];

/** The start and end of a random piece of the bytes. Short pieces are more likely. */
function span(bytes: Buffer, random: Random): [number, number] {
  const start = random.below(bytes.length + 1);
  const longest = random.chance(0.7) ? 16 : bytes.length;
  return [start, Math.min(bytes.length, start + random.below(longest + 1))];
}

/**
 * Changes the bytes in one to three ways. With `sameLength`, the length stays the same, like that of a damaged disk
 * block.
 */
export function mutate(bytes: Buffer, random: Random, sameLength = false): Buffer {
  let mutated = bytes;
  const choices = sameLength ? MUTATIONS.slice(0, 3) : MUTATIONS;
  for (let count = 1 + random.below(3); count > 0; count -= 1) mutated = random.pick(choices)(mutated, random);
  return mutated;
}

/** Values that a damaged or hostile manifest may contain, and that the tool must refuse. */
const HOSTILE: readonly unknown[] = [
  ...[null, true, 0, -1, 1e300, 2 ** 53, Number.MAX_VALUE, "", "0001", "..", "/", "/etc/passwd", "../../../outside"],
  ...["items/../../x", "items/0001", "storage/../../outside.json", "storage/message/ses_a/msg_a1.json", "\0", "a\nb"],
  ...["storage/part/msg_a1/prt_a1_1.json", "storage/session/prj_one/ses_a.json", "__proto__", "constructor"],
  ...["x".repeat(10_000), "part; drop table part", 'part" --', "rowid", "*", "done", "planned", "restored"],
  ...["0".repeat(64), "9223372036854775808", "-1e999", "NaN", "20261123T021500123Z-0000-9f86d081", [], {}, [[]]],
  { path: "storage/message/ses_a/msg_a2.json" },
  { path: "../outside.json" },
  { path: "opencode.db" },
  { table: "session", key: { id: "ses_a" } },
  { table: "message", key: { id: "msg_a2" }, column: "data" },
  { table: "part", key: { id: "prt_a1_1" }, column: "session_id" },
  { storage: "text", value: { file: "items/../manifest.json", bytes: 1, sha256: "0".repeat(64) } },
];

/** Values with the right form for the field of this name. Only a check of their meaning can refuse them. */
const PLAUSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  path: [
    "storage/part/msg_a1/prt_a1_2.json",
    "storage/message/ses_a/msg_a1.json",
    "storage/session/prj_one/ses_a.json",
    "storage/part/msg_a1/../../../auth.json",
    "storage/new/new/new.json",
  ],
  id: ["msg_a1", "prt_a1_2", "ses_a", "' or 1=1 --", "0009"],
  table: ["session", "message", "part", "project"],
  column: ["data", "permission", "id", "session_id", "rowid", 'data" = 1 --'],
  state: ["planned", "done", "restored", "rolled-back", "skipped"],
  remedy: ["quarantine", "recover", "normalise", "settle", "rescue"],
  kind: ["session", "message", "part", "project", "todo", "session_diff", "stray", "database", "side_file"],
  file: ["items/0001-x", "items/0002-new-prt_a1_1.json", "items/x.db-wal", "items/0001-rows.json"],
  bytes: [0, 1, 8, 2 ** 52],
  mode: ["0000", "0777", "4755", null],
  mtime: [null, "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"],
  original: [null],
  replacement: [
    { source: "nowhere", sha256: "0".repeat(64) },
    { source: "", sha256: "0".repeat(64), columns: {} },
  ],
  rowID: ["1", "2", "-1", "9223372036854775807", null],
  generation: ["json", "sqlite"],
  database: ["opencode.db", "../opencode.db", "auth.json"],
  partOf: ["0001", "0002", "0003"],
  number: ["0", "-9223372036854775808", "1e308", "1e999", "nan"],
  text: ["", "msg_a1", "ses_a", "\0"],
  storage: ["null", "integer", "real", "text", "blob"],
};

/** Changes one value of a JSON document: replaces it, removes it, copies it, or gives its field another name. */
export function mutateDocument(text: string, random: Random): string {
  const document: unknown = JSON.parse(text);
  const owners: Record<string, unknown>[] = [];
  const collect = (value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    owners.push(value as Record<string, unknown>);
    for (const inner of Object.values(value)) collect(inner);
  };
  collect(document);
  const fields = owners.flatMap((owner) => Object.keys(owner).map((name) => ({ owner, name })));
  if (fields.length === 0) return text;
  const { owner, name } = random.pick(fields);
  // An earlier mutation may have named a field `constructor`.
  const choices = (Object.hasOwn(PLAUSIBLE, name) ? PLAUSIBLE[name] : undefined) ?? HOSTILE;
  const peers = fields.filter((field) => field.name === name).map((field) => field.owner[name]);
  switch (random.below(8)) {
    case 0:
      delete owner[name];
      break;
    case 1:
      owner[random.pick(["__proto__x", "constructor", "toString", "extra", "file"])] = structuredClone(owner[name]);
      break;
    case 2:
      if (Array.isArray(owner)) owner.push(structuredClone(owner[Number(name)]));
      else owner[name] = random.pick(HOSTILE);
      break;
    case 3:
    case 4:
      owner[name] = structuredClone(random.pick(peers));
      break;
    default:
      owner[name] = random.pick(choices);
  }
  return JSON.stringify(document).replaceAll('"__proto__x"', '"__proto__"');
}
