// Runs in Node for Windows: opens a file for itself alone, as an antivirus or a program that syncs folders does.
import { closeSync, constants, existsSync, openSync, writeFileSync } from "node:fs";

/** UV_FS_O_EXLOCK of libuv: nobody else may open it, not even to read. */
const ALONE = 0x10000000;

const [path, ready, stop] = process.argv.slice(2);
const file = openSync(path, constants.O_RDWR | ALONE);
writeFileSync(ready, "");
const timer = setInterval(() => {
  if (!existsSync(stop)) return;
  clearInterval(timer);
  closeSync(file);
}, 50);
