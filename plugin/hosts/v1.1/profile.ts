import type { HostProfile } from "../profile.ts";
import type { Screen } from "../screen-demand.ts";
import { LINE_1_0, SCREEN_1_0 } from "../v1.0/profile.ts";

/** From here on the error of an aborted answer is not printed. */
export const SCREEN_1_1: Screen = { ...SCREEN_1_0, leavesOutAborted: true };

const LINE_1_1_11: HostProfile = {
  ...LINE_1_0,
  name: "1.1.11",
  first: "1.1.11",
  last: "1.1.34",
  readsSessionTimes: false,
  projectFile: "id and sandboxes",
  screen: SCREEN_1_1,
};

export const LINE_1_1: HostProfile = {
  ...LINE_1_1_11,
  name: "1.1",
  first: "1.1.53",
  last: "1.1.65",
  failsWholeLists: false,
  sessionDiffs: { failsUnread: false, isUtf8: false, holds: "names" },
};

export const LINES_OF_1_1: readonly HostProfile[] = [LINE_1_1_11, LINE_1_1];
