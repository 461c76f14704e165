import type { RecordKind } from "./artifact.ts";
import type { Remedy } from "./finding.ts";

/**
 * The folder in quarantine that one run (a repair, rescue or salvage) uses for one session of one store. Both paths are
 * absolute.
 */
export interface RunFolder {
  readonly path: string;
  readonly items: string;
}

export type ItemState = "planned" | "done" | "restored" | "rolled-back" | "skipped";

/** Bytes in a file of the folder in quarantine that belongs to one repair. `file` is relative to that folder. */
export interface SavedFile {
  readonly file: string;
  /** The offset of the bytes in the file. Absent if the bytes are the whole file. */
  readonly offset?: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * One column of a quarantined row: its storage class and exact value. Any value except a short UTF-8 text has a file of
 * its own.
 */
export type ManifestCell =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly value: { readonly text: string } | SavedFile };

/** The content of a column after a repair replaced it. A text or BLOB is recorded by its size and hash. */
export type CellDigest =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly bytes: number; readonly sha256: string };

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/**
 * A changed value of a document. `from` is absent if there was no value before, and `to` is absent if there is no value
 * now.
 */
export interface RecordedField {
  readonly path: (string | number)[];
  readonly from?: Json;
  readonly to?: Json;
}

/**
 * The manifest's entry for one record: its place, its exact bytes, and its replacement. The schema in
 * quarantine/manifest.ts states which of these values a manifest may have.
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
  /**
   * For a part of a quarantined message: the manifest item of that message. Message and part are removed and restored
   * together.
   */
  readonly partOf?: string;
  /** The record before the repair; `null` if the repair added the record. */
  readonly original:
    | (SavedFile & {
        /** For a file, the time of its last change in ISO 8601; `null` for a row. */
        readonly mtime: string | null;
        /** The permission bits of the file in octal; `null` for a row. */
        readonly mode: string | null;
        readonly row?: {
          readonly rowID: string | null;
          readonly sha256: string;
          /** The record that the row belongs to was missing already. */
          readonly isOrphan?: true;
          readonly columns: Record<string, ManifestCell>;
        };
      })
    | null;
  /** The content that replaced the original. */
  readonly replacement?: {
    /** Where the new content comes from, in words. */
    readonly source: string;
    /** The hash of the new file or value. If several columns were changed, one hash of all of them. */
    readonly sha256: string;
    /**
     * For a file: the name of the new file in the repair's folder, until the file is moved to its place. For an added
     * session: the name of the list of its rows.
     */
    readonly file?: string;
    readonly bytes?: number;
    /** For a row that got another id: its new key. */
    readonly key?: { readonly id: string };
    /** For a row: the columns that were changed. */
    readonly columns?: Record<string, CellDigest>;
    /** For a completed document: the changes in it. */
    readonly fields?: RecordedField[];
  };
}
