let isKeptSmall = false;

/**
 * Tells Node not to reserve more memory for new values while a text of many megabytes passes through (100 MB less for a
 * text of 60 MB). Use it only in a process of this tool's own.
 */
export function keepHeapSmall(): void {
  if (isKeptSmall || process.versions.bun !== undefined) return;
  isKeptSmall = true;
  process.getBuiltinModule?.("node:v8").setFlagsFromString("--semi-space-growth-factor=1");
}

let collector: (() => unknown) | null = null;

/**
 * Collects garbage. Use it only in a process that does no other work, because it stops the process for a moment. Node
 * before 20.16 does nothing.
 */
export function collectGarbage(): void {
  collector ??= findCollector();
  collector();
}

function findCollector(): () => unknown {
  const { Bun: bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (bun !== undefined) return () => bun.gc(true);
  process.getBuiltinModule?.("node:v8").setFlagsFromString("--expose-gc");
  // Only a context that is made after this has the function.
  const found: unknown = process.getBuiltinModule?.("node:vm").runInNewContext("globalThis.gc");
  return typeof found === "function" ? (found as () => unknown) : () => undefined;
}

/**
 * Frees the memory of bytes at once. Without this, many large values are in memory until garbage is collected. No view of
 * the bytes may be used afterwards. Runtimes without `transfer` keep the bytes.
 */
export function release({ buffer }: Uint8Array): void {
  (buffer as { transfer?(bytes: number): unknown }).transfer?.(0);
}
