import { isShownBy } from "../hosts/screen.ts";
import { screensOf } from "../hosts/store-line.ts";
import type { Artifact, Evidence, NewerMessages } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";

/**
 * An unfinished turn that nothing changed for this time counts as abandoned. A shorter pause may be a wait for a
 * permission, an answer or a slow tool.
 */
const LEFT_BEHIND_MS = 60 * 60 * 1000;

/** The largest image that providers accept (anomalyco/opencode#21668). */
const LARGEST_IMAGE_BYTES = 5_242_880;

const DATA_URL = /^data:image\/[^,]*;base64,/;

/** Codes of records of which the terminal UI shows nothing. */
export type ShownNowhere = "message-without-role" | "part-without-type";

/** Codes of problems that a record may have although opencode loads the record. */
export type Remark = "unfinished-tool" | "unfinished-turn" | "large-image" | "screen-fatal" | ShownNowhere;

/**
 * The note about a record that opencode loads; `null` if there is none. `newer` describes the newer messages of the
 * session. Without `newer`, the record counts as part of the newest message.
 */
export function remarkOn(
  artifact: Artifact,
  value: unknown,
  store: StoreDescription,
  newer?: NewerMessages,
): Remark | null {
  if (typeof value !== "object" || value === null) return null;
  const { kind } = artifact;
  if (kind === "part" || kind === "message") {
    for (const screen of screensOf(store)) {
      const nowhere = shownNowhere(kind, value);
      if (nowhere !== null) return nowhere;
      if (!isShownBy(screen, kind, value, newer)) return "screen-fatal";
    }
  }
  if (kind === "part") return remarkOnPart(value);
  if (kind !== "message" || !("role" in value) || value.role !== "assistant") return null;
  const isOver = ("error" in value && value.error !== undefined) || ("time" in value && isCompleted(value.time));
  return isOver ? null : "unfinished-turn";
}

/**
 * Why a terminal UI shows nothing of a message or part; `null` if it has a view for the record. The UI chooses the view
 * by the role or type. A type that this tool does not know may be that of another version.
 */
export function shownNowhere(kind: string, value: object): ShownNowhere | null {
  if (Array.isArray(value)) return null;
  const { role, type } = value as { readonly role?: unknown; readonly type?: unknown };
  if (kind === "message") return role === "assistant" || role === "user" ? null : "message-without-role";
  return kind === "part" && typeof type !== "string" ? "part-without-type" : null;
}

function remarkOnPart(value: object): Remark | null {
  if (!("type" in value)) return null;
  const { type } = value;
  if (type === "tool" && "state" in value) {
    const { state } = value;
    const status = typeof state === "object" && state !== null && "status" in state ? state.status : null;
    return status === "pending" || status === "running" ? "unfinished-tool" : null;
  }
  if (type !== "file" || !("url" in value) || typeof value.url !== "string") return null;
  const isLarge = (value.url.length * 3) / 4 > LARGEST_IMAGE_BYTES && DATA_URL.test(value.url.slice(0, 100));
  return isLarge ? "large-image" : null;
}

function isCompleted(time: unknown): boolean {
  return typeof time === "object" && time !== null && "completed" in time && time.completed !== null;
}

/**
 * Whether a note is true at the time `now` (in milliseconds). An unfinished turn may still be running, so the turn gets
 * no note before its time limit. `isLeftAlone` is `true` if certainly no process works on the store.
 */
export function holds(remark: Remark, evidence: Evidence, now: number, isLeftAlone: boolean): boolean {
  if (!evidence.reachable) return false;
  if (remark !== "unfinished-tool" && remark !== "unfinished-turn") return true;
  return isLeftAlone || (evidence.updatedMs !== null && now - evidence.updatedMs > LEFT_BEHIND_MS);
}
