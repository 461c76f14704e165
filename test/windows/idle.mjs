// Runs in Node for Windows. Each start of Windows needs some services, and Wine keeps them as long as one process runs.
import { existsSync } from "node:fs";

const [until] = process.argv.slice(2);
const MOST_MS = 30 * 60_000;
const timer = setInterval(() => {
  if (!existsSync(until) || performance.now() > MOST_MS) clearInterval(timer);
}, 500);
