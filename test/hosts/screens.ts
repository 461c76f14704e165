import type { ScreenDemands } from "../../plugin/hosts/screen-demand.ts";
import { lineNamed } from "../../plugin/hosts/store-line.ts";
import type { LineName } from "../../plugin/model/store-description.ts";

function screenOf(line: LineName): ScreenDemands {
  const { screen } = lineNamed(line);
  if (screen === null) throw new Error(`no value ends the screen of ${line}`);
  return screen;
}

/** The different screens of 1.0.142 and newer. Each key names the first versions that have the screen. */
export const SCREEN = {
  "1.0": screenOf("1.0"),
  "1.1": screenOf("1.1.11"),
  "1.2": screenOf("1.2.20"),
  "1.14": screenOf("1.14"),
} as const;

/** The screens of the versions before 1.0.142. */
export const OLDEST_SCREENS = {
  "1.0.0": screenOf("1.0.0"),
  "1.0.61": screenOf("1.0.61"),
  "1.0.98": screenOf("1.0.98"),
} as const;
