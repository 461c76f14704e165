import type { CellValue } from "../../model/artifact.ts";
import type { StoredMessage } from "../../stores/conversation.ts";

/** The columns of a session row in which opencode 1.17-1.18 stores sums over the session's `step-finish` parts. */
const USAGE: readonly { readonly column: string; readonly path: readonly string[] }[] = [
  { column: "cost", path: ["cost"] },
  { column: "tokens_input", path: ["tokens", "input"] },
  { column: "tokens_output", path: ["tokens", "output"] },
  { column: "tokens_reasoning", path: ["tokens", "reasoning"] },
  { column: "tokens_cache_read", path: ["tokens", "cache", "read"] },
  { column: "tokens_cache_write", path: ["tokens", "cache", "write"] },
];

/**
 * Computes the cost and tokens of a session as opencode does. The log is no good source for them: in a forked session,
 * the logged sums start at zero (measured 1.17.18, 1.18.33). Returns `null` if a part cannot be read, because its cost
 * may be missing from the sum.
 */
export async function usageOf(messages: AsyncIterable<StoredMessage>): Promise<ReadonlyMap<string, CellValue> | null> {
  const sums = new Map(USAGE.map(({ column }) => [column, 0]));
  for await (const { parts } of messages) {
    for (const { bytes } of parts) {
      const part = documentOf(bytes);
      if (part === null) return null;
      if (at(part, ["type"]) !== "step-finish") continue;
      for (const { column, path } of USAGE) {
        const used = at(part, path);
        if (typeof used === "number") sums.set(column, (sums.get(column) ?? 0) + used);
      }
    }
  }
  return new Map(
    [...sums].map(([column, sum]) => [
      column,
      { storage: column === "cost" ? "real" : "integer", number: String(sum) },
    ]),
  );
}

function documentOf(bytes: Buffer | null): unknown {
  try {
    return bytes === null ? null : JSON.parse(bytes.toString("utf8"));
  } catch {
    return null;
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (within, name) =>
      typeof within === "object" && within !== null ? Object.getOwnPropertyDescriptor(within, name)?.value : undefined,
    value,
  );
}
