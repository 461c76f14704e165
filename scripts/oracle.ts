import { parseArgs } from "node:util";
import type { RecordKind } from "../plugin/stores/artifact.ts";
import type { HostVersion } from "../test/host/binary.ts";
import { runOracle } from "../test/oracle/oracle.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: "string", default: "1000" },
    kind: { type: "string", multiple: true },
  },
});

if (values.host === undefined) {
  process.stderr.write("Usage: npm run oracle -- --host VERSION [--seed N] [--count N] [--kind part]…\n");
  process.exit(2);
}
const started = performance.now();
const seed = Number(values.seed);
const result = await runOracle({
  version: values.host as HostVersion,
  seed,
  count: Number(values.count),
  ...(values.kind && { kinds: values.kind as RecordKind[] }),
  onDisagreement: ({ index, what, locator, host, check }) =>
    process.stdout.write(`#${index} ${locator}\n  ${what}\n  host:  ${host}\n  check: ${check}\n`),
});
const seconds = (performance.now() - started) / 1000;
const agreed = result.mutations - result.disagreements.length;
process.stdout.write(
  `opencode ${values.host}, seed ${seed}: ${agreed} of ${result.mutations} agree ` +
    `(${((100 * agreed) / result.mutations).toFixed(2)} %; the host fails on ${result.failing}), ${seconds.toFixed(0)} s\n`,
);
process.exitCode = result.disagreements.length === 0 ? 0 : 1;
