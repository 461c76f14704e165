import type { Rows } from "../../host/healthy-rows.ts";

export type Json = Record<string, unknown>;

/** A record as an older opencode or another program left it, and the expected result of completing it. */
export interface LegacyRecord {
  readonly name: string;
  /** The rules of the catalogue that complete the record. */
  readonly rules: readonly string[];
  change(rows: Rows): void;
  /**
   * The places where the host's answer about the completed record differs from the answer before the damage. By
   * default, none.
   */
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
