import type { Rows } from "../../host/healthy-rows.ts";

export type Json = Record<string, unknown>;

/** A record as an older opencode, or another program, left it, and what completing it comes to. */
export interface LegacyRecord {
  readonly name: string;
  /** Rules of the catalogue that answer it. */
  readonly rules: readonly string[];
  change(rows: Rows): void;
  /** Places where the host's answer differs afterwards from the one before the damage; none where they are not said. */
  readonly differs?: readonly string[];
}

export const without =
  (...path: readonly string[]) =>
  (data: Json): Json => {
    const [name = "", ...more] = path;
    const { [name]: inner, ...rest } = data;
    return more.length === 0 ? rest : { ...rest, [name]: without(...more)(inner as Json) };
  };
export const merged = (value: Json) => (data: Json) => ({ ...data, ...value });
export const state = (change: (state: Json) => Json) => (data: Json) => ({
  ...data,
  state: change(data.state as Json),
});
export const error = (value: unknown) => (rows: Rows) => rows.message("assistant", merged({ error: value }));
