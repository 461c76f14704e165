import { MESSAGES_OF_2_0 } from "./messages-2-0.ts";
import { MESSAGES_OF_PREVIEW } from "./messages-preview.ts";
import { OTHER_TABLES_OF_2_0 } from "./other-tables.ts";
import type { Profile, ProfileName } from "./profile.ts";
import { SESSION_OF_2_0, SESSION_OF_PREVIEW } from "./sessions.ts";

const JSON_COLUMNS = ["summary_diffs", "metadata", "revert", "permission", "model"];

/** What is known about each version of opencode 2.x whose rows this tool can check. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  "2.0.26": {
    name: "2.0.26",
    host: "2.0.26",
    newestKnown: "2.0.26",
    sessionTable: "session_v2",
    jsonColumns: ["fork_boundary", ...JSON_COLUMNS],
    session: SESSION_OF_2_0,
    messages: MESSAGES_OF_2_0,
    otherTables: OTHER_TABLES_OF_2_0,
    needsFolders: false,
    knowsCompactionStatus: true,
  },
  "2 preview": {
    name: "2 preview",
    host: "2 preview (1.18.18)",
    newestKnown: null,
    sessionTable: "session",
    jsonColumns: JSON_COLUMNS,
    session: SESSION_OF_PREVIEW,
    messages: MESSAGES_OF_PREVIEW,
    otherTables: [],
    needsFolders: true,
    knowsCompactionStatus: false,
  },
};
