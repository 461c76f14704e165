import type { HostProfile } from "../profile.ts";
import { LINE_1_0 } from "../v1.0/profile.ts";
import { SCREEN_1_1 } from "./screen.ts";

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
