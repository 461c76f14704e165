import { parseArgs } from "node:util";
import type { HostVersion } from "../test/host/binary.ts";
import { MENDED_BY, runRecovery } from "../test/remedies/recover/recovery-experiment.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "1.18.33" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: "string", default: "1000" },
    by: { type: "string", default: MENDED_BY[0] },
  },
});

const mendedBy = MENDED_BY.find((each) => each === values.by);
if (mendedBy === undefined) throw new Error(`--by is one of ${MENDED_BY.join(", ")}`);
const started = performance.now();
const { failing, identical, others } = await runRecovery({
  version: values.host as HostVersion,
  seed: Number(values.seed),
  count: Number(values.count),
  mendedBy,
  onOther: (words) => process.stdout.write(`${words}\n`),
});
const seconds = ((performance.now() - started) / 1000).toFixed(0);
process.stdout.write(
  `opencode ${values.host}, seed ${values.seed}, by ${mendedBy}: of ${failing} records on which it failed, ${identical} came back ` +
    `with the same answers, ${others.length} did not; ${seconds} s\n`,
);
process.exitCode = others.length === 0 ? 0 : 1;
