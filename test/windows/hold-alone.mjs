// Runs in Node for Windows. Opens a file exclusively, as an antivirus or a sync program does.
import { closeSync, constants, existsSync, openSync, writeFileSync } from "node:fs";

/** UV_FS_O_EXLOCK of libuv: no other process may open the file, not even to read it. */
const ALONE = 0x10000000;

const [path, ready, stop] = process.argv.slice(2);
const file = openSync(path, constants.O_RDWR | ALONE);
writeFileSync(ready, "");
const timer = setInterval(() => {
  if (!existsSync(stop)) return;
  clearInterval(timer);
  closeSync(file);
}, 50);
