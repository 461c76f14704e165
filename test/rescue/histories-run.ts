import { parseArgs } from "node:util";
import { tryHistory } from "./disagreements.ts";
import { World } from "./world.ts";

/** The number of histories that share one host and one database. */
const PER_WORLD = 20;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10" },
    length: { type: "string", default: "14" },
    verbose: { type: "boolean", default: false },
  },
});
const [seed, count, length] = [Number(values.seed), Number(values.count), Number(values.length)];
const total = { histories: 0, sessions: 0, hidden: 0, partlyShown: 0, changes: 0, disagreements: 0 };
let world: World | null = null;
for (let index = 0; index < count; index += 1) {
  if (world === null || index % PER_WORLD === 0) {
    await world?.stop();
    world = await World.start();
  }
  const outcome = await tryHistory(world, seed + index, length);
  total.histories += 1;
  total.sessions += outcome.sessions;
  total.hidden += outcome.hidden;
  total.partlyShown += outcome.partlyShown;
  total.changes += outcome.changes;
  total.disagreements += outcome.disagreements.length;
  if (outcome.disagreements.length > 0 || values.verbose) {
    const lines = [`seed ${seed + index}`, ...outcome.steps.map((step) => `  ${step}`), ...outcome.disagreements];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}
await world?.stop();
process.stdout.write(`opencode 1.18.33, seeds ${seed} to ${seed + count - 1}: ${JSON.stringify(total)}\n`);
process.exit(total.disagreements === 0 ? 0 : 1);
