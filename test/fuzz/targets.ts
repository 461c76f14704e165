import {
  conversationDatabases,
  conversations,
  documents,
  eventLogs,
  manifests,
  type SmallDatabase,
  seed,
  smallDatabases,
  subjects,
} from "./seeds.ts";
import { TABLE_SQL } from "./sqlite-rows.ts";
import { fuzz as commandLine } from "./targets/arguments.ts";
import { fuzz as cutDocument } from "./targets/cut-document.ts";
import { fuzz as diagnose } from "./targets/diagnose.ts";
import { fuzz as jsonScanner } from "./targets/json-scanner.ts";
import { fuzz as manifest } from "./targets/manifest.ts";
import { fuzz as normalise } from "./targets/normalise.ts";
import { fuzz as pages } from "./targets/pages.ts";
import { fuzz as recovery } from "./targets/recovery.ts";
import { fuzz as salvage } from "./targets/salvage.ts";
import { fuzz as transcript } from "./targets/transcript.ts";
import { fuzz as writeAheadLog } from "./targets/write-ahead-log.ts";

/** A part of the tool that must accept any bytes. */
export interface Target {
  /** The name of the target, and of its file in `targets/`. */
  readonly name: string;
  /** Throws if the bytes show a defect. */
  fuzz(bytes: Uint8Array): void | Promise<void>;
  /** Cases from which the mutated cases are made. */
  seeds(): readonly Buffer[] | Promise<readonly Buffer[]>;
  /** The largest number of bytes in a case. */
  readonly longest: number;
  readonly isAsync?: true;
  /** Whether a case takes tens of milliseconds or more. */
  readonly isSlow?: true;
}

const COMMAND_LINES = [
  ["check", "--session", "ses_1", "--json"],
  ["repair", "--only", "empty", "--dry-run", "-y", "--concurrency", "4"],
  ["restore", "20261123T021500123Z-0000-9f86d081", "--item", "0001"],
  ["purge", "--older-than", "30d", "--yes", "--data-dir", "/data"],
  ["rescue", "--relink", "--from", "/a", "--to", "/b", "--into", "/c", "--unarchive"],
  ["report", "--output", "report.md", "--no-color", "-q"],
  ["salvage", "--swap", "--db", "/data/opencode.db"],
  ["show", "ses_1"],
];

function databaseSeed(flags: number, { main, wal }: SmallDatabase): Buffer {
  const size = [main.length >> 8, main.length & 0xff];
  return seed([flags, ...size], Buffer.concat([main, wal ?? Buffer.alloc(0)]));
}

export const TARGETS: readonly Target[] = [
  {
    name: "json-scanner",
    fuzz: jsonScanner,
    seeds: () => documents().map((document, index) => seed([index, 3, 0, 40], document)),
    longest: 2000,
  },
  {
    name: "cut-document",
    fuzz: cutDocument,
    seeds: () => documents().map((document, index) => seed([index % 2, index * 7], document)),
    longest: 2000,
  },
  { name: "diagnose", fuzz: diagnose, seeds: subjects, longest: 2000 },
  {
    name: "normalise",
    fuzz: normalise,
    seeds: () => subjects().map((subject, index) => seed([index % 2 === 0 ? 0 : index], subject)),
    longest: 2000,
  },
  { name: "manifest", fuzz: manifest, seeds: manifests, longest: 8000, isAsync: true },
  {
    name: "pages",
    fuzz: pages,
    seeds: async () =>
      (await smallDatabases(TABLE_SQL)).flatMap((each) => [0, 2, 3].map((flags) => databaseSeed(flags, each))),
    longest: 40_000,
  },
  {
    name: "salvage",
    fuzz: salvage,
    seeds: async () =>
      [...(await conversationDatabases()), ...(await smallDatabases(TABLE_SQL))].flatMap((each) =>
        [0, 1].map((flags) => databaseSeed(flags, each)),
      ),
    longest: 65_000,
    isAsync: true,
    isSlow: true,
  },
  {
    name: "write-ahead-log",
    fuzz: writeAheadLog,
    seeds: async () =>
      (await smallDatabases(TABLE_SQL)).flatMap(({ wal }, index) =>
        wal === null ? [] : [0, 1].map((sealed) => seed([index, sealed, 10, index * 50], wal)),
      ),
    longest: 20_000,
  },
  { name: "recovery", fuzz: recovery, seeds: eventLogs, longest: 4000 },
  {
    name: "arguments",
    fuzz: commandLine,
    seeds: () => COMMAND_LINES.map((words) => Buffer.from(words.join("\0"))),
    longest: 300,
  },
  { name: "transcript", fuzz: transcript, seeds: conversations, longest: 4000 },
];
