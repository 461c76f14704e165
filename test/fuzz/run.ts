/**
 * npm run test:fuzz -- [--seed N] [--count N] [--manifests N] [--first N]
 * Damages stores, then manifests and items in quarantine. The seed and the number of a case decide its damage.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { fuzzManifests } from "./fuzz-manifests.ts";
import { type Defect, fuzzStores } from "./fuzz-stores.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    first: { type: "string", default: "0" },
    count: { type: "string", default: "20000" },
    manifests: { type: "string", default: "2000" },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
const seed = Number(values.seed);
const first = Number(values.first);
let defects = 0;
process.env.FUZZ_TIMES = "1";

function onDefect({ index, ground, error }: Defect): void {
  defects += 1;
  const cause = error instanceof Error && error.cause instanceof Error ? `\n  ${error.cause.stack}` : "";
  print(`#${index} ${ground}: ${error instanceof Error ? error.message : String(error)}${cause}`);
}

/**
 * An endless loop blocks all timers of its thread. So another thread checks that the number of finished cases grows.
 */
const progress = new Int32Array(new SharedArrayBuffer(4));
const watch = new Worker(
  `const { workerData } = require("node:worker_threads");
   let [last, since] = [-1, Date.now()];
   setInterval(() => {
     const now = Atomics.load(workerData, 0);
     if (now !== last) [last, since] = [now, Date.now()];
     else if (Date.now() - since > 30000) {
       require("node:fs").writeSync(2, "Hangs after " + now + " cases.\\n");
       process.kill(process.pid, "SIGKILL");
     }
   }, 1000);`,
  { eval: true, workerData: progress },
);
const onCase = () => void Atomics.add(progress, 0, 1);

const started = performance.now();
const stores = await fuzzStores(seed, first, Number(values.count), onDefect, onCase);
const manifests = await fuzzManifests(seed, first, Number(values.manifests), onDefect, onCase);
await watch.terminate();
print(
  `seed ${seed}: ${stores.cases} damaged stores (${stores.damaged} with blocking findings, ${stores.repaired} repaired and ` +
    `restored, slowest check ${Math.round(stores.slowestMs)} ms), ${manifests.cases} spoilt quarantines ` +
    `(${manifests.refused} refused, ${manifests.restored} items restored), ${defects} defects, ` +
    `${Math.round((performance.now() - started) / 1000)} s`,
);
process.exitCode = defects === 0 ? 0 : 1;
