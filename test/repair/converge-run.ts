import { parseArgs } from "node:util";
import type { HostVersion } from "../host/binary.ts";
import { convergence, type Naming } from "./converge-experiment.ts";

const NAMINGS: readonly Naming[] = ["none", "found", "all"];

const { values } = parseArgs({
  options: {
    host: { type: "string", multiple: true, default: ["1.18.33"] },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10" },
    verbose: { type: "boolean", default: false },
  },
});
const [seed, count] = [Number(values.seed), Number(values.count)];
let faulty = 0;
for (const host of values.host as HostVersion[]) {
  for (let index = seed; index < seed + count; index += 1) {
    const naming = NAMINGS[index % NAMINGS.length] ?? "none";
    const { damages, items, faults } = await convergence(host, index, naming);
    if (faults.length > 0) faulty += 1;
    if (faults.length === 0 && !values.verbose) continue;
    const lines = [
      `${host} seed ${index}, codes: ${naming}, ${items} items`,
      ...[...damages, ...faults].map((each) => `  ${each}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}
process.stdout.write(`${values.host.join(", ")}, seeds ${seed} to ${seed + count - 1}: ${faulty} do not converge\n`);
process.exit(faulty === 0 ? 0 : 1);
