/**
 * npm run load -- [--processes 8] [--minutes 30]
 * Keeps the processors busy, as other programs would. If the tests pass at the same time, they do not depend on time.
 * Ends by itself.
 */
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "8" },
    minutes: { type: "string", default: "30" },
  },
});
const milliseconds = Number(values.minutes) * 60_000;
// Each process ends by itself when its time is over, even if the parent process was killed before.
const code = `const end = performance.now() + ${milliseconds}; while (performance.now() < end) for (let n = 0; n < 1e6; n += 1) Math.sqrt(n);`;
const busy = Array.from({ length: Number(values.processes) }, () =>
  Bun.spawn([process.execPath, "-e", code], { stdout: "ignore", stderr: "inherit" }),
);
process.stdout.write(
  `${busy.length} busy processes for ${values.minutes} minutes: ${busy.map(({ pid }) => pid).join(" ")}\n`,
);
const end = () => {
  for (const child of busy) child.kill();
};
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, end);
await Promise.all(busy.map(({ exited }) => exited));
