import type { Artifact, Evidence } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { withFields } from "../records/fields.ts";
import { Neighbours } from "../remedies/complete/neighbours.ts";
import { normalised } from "../remedies/complete/normalise.ts";
import type { CompleteDraft } from "../remedies/rebuild/rebuilt-message.ts";
import { isFields, type SessionColumns } from "../stores/conversation.ts";

/** The rules of the newest known opencode. Every version loads records that follow these rules. */
const NEWEST: StoreDescription = {
  generation: "sqlite",
  dataDir: "",
  contract: "strict",
  hostVersion: null,
  sessionDiffReader: null,
};

/** Completes the draft of a rebuilt message by the same rules as a damaged message. */
export function completeDraft(messageID: string, sessionID: string, columns: SessionColumns): CompleteDraft {
  return (draft, outline) => {
    const artifact: Artifact = {
      kind: "message",
      sessionID,
      recordID: messageID,
      locator: { table: "message", key: { id: messageID }, column: "data" },
    };
    const bytes = Buffer.from(JSON.stringify(draft));
    const evidence: Evidence = {
      storage: "text",
      size: bytes.length,
      bytes,
      shape: null,
      sha256: null,
      row: null,
      stray: null,
      ioError: null,
      mtimeMs: null,
      position: null,
      siblings: null,
      updatedMs: null,
      reachable: true,
      sessionID,
    };
    const replacement = normalised(artifact, evidence, new Neighbours(outline, columns), NEWEST);
    if (replacement === null || !("fields" in replacement.content)) return null;
    const document = withFields(draft, replacement.content.fields)?.value;
    return isFields(document) ? document : null;
  };
}
