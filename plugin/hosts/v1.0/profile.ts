import type { HostProfile } from "../profile.ts";
import { SCREEN_1_0 } from "./screen.ts";

/** Sessions are files, and each of them is read as it is: nothing but its JSON is looked at. */
const LINE_1_0_98: HostProfile = {
  name: "1.0.98",
  first: "1.0.98",
  last: "1.0.98",
  journal: null,
  shaped: () => false,
  reads: [],
  writes: {},
  adds: [],
  upgradesOlder: false,
  contract: "syntax",
  sessionDiffs: { failsUnread: false, isUtf8: false, holds: "anything" },
  emptyIfFalse: [],
  wantsAbsolutePaths: false,
  sandboxes: "list",
  looksUpWorkspaces: false,
  knowsContentFilter: true,
  checksErrorRef: false,
  wantsWholeUserTime: false,
  readsOwnMessageIDs: false,
  failsWholeLists: true,
  readsSessionTimes: true,
  projectFile: "unread",
  listed: "30 days",
  namesProjectsByRemote: false,
  logsWrites: false,
  marksInterrupted: false,
  screen: SCREEN_1_0,
};

const LINE_1_0_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.0",
  first: "1.0.0",
  last: "1.0.0",
  readsOwnMessageIDs: true,
};

const LINE_1_0_61: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.61",
  first: "1.0.61",
  last: "1.0.61",
  sessionDiffs: { failsUnread: true, isUtf8: false, holds: "anything" },
};

export const LINE_1_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0",
  first: "1.0.142",
  last: "1.0.185",
  projectFile: "id",
};

export const LINES_OF_1_0: readonly HostProfile[] = [LINE_1_0_0, LINE_1_0_61, LINE_1_0_98, LINE_1_0];
