// Runs in Node for Windows: as long as one process runs, Wine keeps the services that each start of Windows needs.
import { existsSync } from "node:fs";

const [until] = process.argv.slice(2);
const MOST_MS = 30 * 60_000;
const timer = setInterval(() => {
  if (!existsSync(until) || performance.now() > MOST_MS) clearInterval(timer);
}, 500);
