import { OLDEST_SCREENS, SCREEN } from "./screens.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const SCREENS = Object.values(SCREEN);
export const ALL_SCREENS = [...Object.values(OLDEST_SCREENS), ...SCREENS];

export function call(tool: string, input: unknown, metadata: unknown = {}, rest: Fields = {}) {
  const state = { status: "completed", input, output: "out", title: "", metadata, time: { start: 1, end: 2 }, ...rest };
  return { type: "tool", callID: "call_1", tool, state };
}

export function failed(tool: string, input: unknown, error: unknown = "it failed", rest: Fields = {}) {
  return {
    type: "tool",
    callID: "call_1",
    tool,
    state: { status: "error", input, error, time: { start: 1, end: 2 }, ...rest },
  };
}
