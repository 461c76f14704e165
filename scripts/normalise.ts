import { parseArgs } from "node:util";
import { runScale } from "../test/remedies/complete/scale-experiment.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "150000" },
    "kill-after": { type: "string", default: "10" },
    "no-undo": { type: "boolean", default: false },
  },
});

const result = await runScale({
  rows: Number(values.rows),
  killAfterRuns: Number(values["kill-after"]),
  undo: !values["no-undo"],
  probe: true,
});
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
process.exitCode = result.left === 0 && result.undone !== false ? 0 : 1;
