// Runs the published command in Node for Windows with another PATH.
import { pathToFileURL } from "node:url";

const [path, entry, ...args] = process.argv.slice(2);
process.env.PATH = path;
process.argv = [process.argv[0], entry, ...args];
await import(pathToFileURL(entry).href);
