import type { RecordKind } from "./artifact.ts";
import type { Remedy } from "./finding.ts";

/** The folder of one run for one session of one store. Both paths are absolute. */
export interface RunFolder {
  readonly path: string;
  readonly items: string;
}

export type ItemState = "planned" | "done" | "restored" | "rolled-back" | "skipped";

/** Bytes in a file of a run's folder. `file` is relative to that folder. */
export interface SavedFile {
  readonly file: string;
  /** Where in the file the bytes begin; absent: they are the whole file. */
  readonly offset?: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** One column of a quarantined row: storage class and exact value; what is not short UTF-8 text has a file of its own. */
export type ManifestCell =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly value: { readonly text: string } | SavedFile };

/** What a column holds now that it was replaced. */
export type CellDigest =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly bytes: number; readonly sha256: string };

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A value of a document that was changed; absent: there was, or is, none. */
export interface RecordedField {
  readonly path: (string | number)[];
  readonly from?: Json;
  readonly to?: Json;
}

/**
 * What a manifest says of one record: where it was, its exact bytes, and what took its place. The schema in
 * quarantine/manifest.ts says which of these values a manifest may have.
 */
export interface ManifestItem {
  readonly id: string;
  readonly kind: RecordKind;
  readonly recordID: string | null;
  readonly locator:
    | { readonly path: string }
    | {
        readonly table: "session" | "project" | "message" | "part" | "session_v2" | "session_message";
        readonly key: { readonly id: string };
        readonly column?: string;
      };
  readonly code: string;
  readonly evidence: string;
  readonly remedy: Exclude<Remedy, "report"> | "rescue";
  readonly state: ItemState;
  /** Item of the parent row (for parts of a quarantined message): they leave and return together. */
  readonly partOf?: string;
  /** `null`: nothing stood there before. */
  readonly original:
    | (SavedFile & {
        /** Of a file, ISO 8601; `null` for a row. */
        readonly mtime: string | null;
        /** Permission bits of a file, octal; `null` for a row. */
        readonly mode: string | null;
        readonly row?: {
          readonly rowID: string | null;
          readonly sha256: string;
          readonly columns: Record<string, ManifestCell>;
        };
      })
    | null;
  /** What stands in the place of the original. */
  readonly replacement?: {
    /** Where it is from, in words. */
    readonly source: string;
    /** Of the new file or value; of several columns, of all of them. */
    readonly sha256: string;
    /** Of a file: its name in the run's folder until it takes its place. Of a session that was added: the list of its rows. */
    readonly file?: string;
    readonly bytes?: number;
    /** Of a row that got another id: the key under which it stands now. */
    readonly key?: { readonly id: string };
    /** Of a row: the columns that were set. */
    readonly columns?: Record<string, CellDigest>;
    /** Of a document that was completed: what was changed in it. */
    readonly fields?: RecordedField[];
  };
}
