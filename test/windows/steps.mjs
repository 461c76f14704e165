// Runs in Node for Windows. Calls the published command once for each list of arguments, all in this one process.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [entry, asked, answered] = process.argv.slice(2);
const results = [];
const waiting = JSON.parse(readFileSync(asked, "utf8"));
for (let args = waiting.shift(); args !== undefined; args = waiting.shift()) {
  // `EACH_RUN` means one call for each run that the previous step listed.
  if (args.includes("EACH_RUN")) {
    const listed = JSON.parse(results.at(-1).stdout).runs.map(({ runID }) => runID);
    const runs = [...new Set(listed)];
    waiting.unshift(...runs.map((run) => args.map((each) => (each === "EACH_RUN" ? run : each))));
    continue;
  }
  // As in a shell, variables of the environment come before the command.
  while (/^[A-Z_]+=/.test(args[0])) {
    const [name, value] = args.shift().split("=");
    process.env[name] = value;
  }
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    process[name].write = (chunk, ...rest) => {
      said[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
      const done = rest.find((each) => typeof each === "function");
      if (done !== undefined) queueMicrotask(() => done());
      return true;
    };
  }
  process.argv = [process.argv[0], entry, ...args];
  process.exitCode = 0;
  // Only the entry module is evaluated again. The modules that it imports stay loaded.
  await import(`${pathToFileURL(entry).href}?${results.length}`);
  results.push({ code: process.exitCode, ...said });
}
process.exitCode = 0;
writeFileSync(answered, JSON.stringify(results));
