/**
 * Checks healthy documents that look odd, and loads all of their sessions in a real opencode.
 * `nice bun test/host/healthy-variations-run.ts --host V… [--seed N] [--count N] [--screen]`
 * With `--screen`, each session is also opened in the terminal UI.
 */
import { parseArgs } from "node:util";
import { ScreenReader } from "../terminal/screen-reader.ts";
import type { HostVersion } from "./binary.ts";
import { checkVariations, refusedByHost, type VariationsTrial } from "./healthy-variations-trial.ts";
import { startModelServer } from "./model-server.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", multiple: true },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "5000" },
    screen: { type: "boolean", default: false },
  },
});
if (values.host === undefined) throw new Error("usage: healthy-variations-run.ts --host VERSION [--seed N]");
const print = (text: string) => process.stdout.write(`${text}\n`);
let failed = 0;
for (const version of values.host as HostVersion[]) {
  const store = await realStore(version);
  try {
    const trial = await checkVariations(store, Number(values.seed), Number(values.count));
    for (const { code, evidence, recordID } of trial.findings) print(`! ${version} ${code} ${recordID}: ${evidence}`);
    const refused = await refusedByHost(store, trial, trial.sessions.length);
    for (const one of refused) print(`! ${version} ${one}`);
    const ended = values.screen ? await endedScreens(store, trial) : [];
    for (const one of ended) print(`! ${version} the screen ends on ${one}`);
    const of = `${values.count} documents in ${trial.sessions.length} sessions, seed ${values.seed}`;
    const screen = values.screen ? `, ${ended.length} ended the screen` : "";
    print(`${version}: ${of}: ${trial.findings.length} findings, ${refused.length} refused by the host${screen}`);
    failed += trial.findings.length + refused.length + ended.length;
  } finally {
    await store.home.remove();
  }
}
process.exit(failed === 0 ? 0 : 1);

async function endedScreens(store: RealStore, { sessions, ids }: VariationsTrial): Promise<string[]> {
  const model = startModelServer();
  const reader = new ScreenReader(store, model);
  const ended: string[] = [];
  try {
    for (const { id } of sessions) {
      if ((await reader.open(ids.get(id) ?? "", id)) !== "shown") ended.push(`${id}: ${reader.lastWords()}`);
    }
  } finally {
    reader.close();
    await model.stop();
  }
  return ended;
}
