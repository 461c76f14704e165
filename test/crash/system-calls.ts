import { basename } from "node:path";
import type { PortChange } from "./recorded-run.ts";

/**
 * The Linux system calls that change a file or a folder, or force it to disk. The names are those that strace prints.
 */
const CHANGING = [
  ...[
    "open",
    "openat",
    "creat",
    "mknod",
    "mknodat",
    "truncate",
    "ftruncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
  ],
  ...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "ioctl"],
  ...["mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"],
  ...["utime", "utimes", "utimensat", "futimesat", "fsync", "fdatasync", "sync_file_range", "setxattr", "fsetxattr"],
];

/**
 * The command for running a program below strace. strace writes these calls of all threads to a file, with the path of
 * each open file.
 */
export function below(log: string): string[] {
  const how = ["-f", "--seccomp-bpf", "-y", "-qq", "-s", "4096"];
  return ["strace", ...how, "-e", `trace=${CHANGING.join(",")}`, "-o", log];
}

/** System calls that do the same get one name. A call that is not listed here keeps its own name. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ open: "create", openat: "create", creat: "create" },
  ...{ renameat: "rename", renameat2: "rename", linkat: "link", unlinkat: "unlink", mkdirat: "mkdir" },
  ...{
    fchmod: "chmod",
    fchmodat: "chmod",
    utimensat: "times",
    fsync: "sync",
    fdatasync: "sync",
    ftruncate: "truncate",
  },
};

/**
 * The changes in a folder that a log of strace contains, such as `create PATH` and `rename FROM TO`. Reads are left
 * out. A path through `/proc/self/fd` is replaced by the path to which it leads.
 */
export function changesBelow(folder: string, log: string): string[] {
  const opened = new Map<string, string>();
  return wholeLines(log).flatMap((line) => {
    const [, name = "", args = "", result = ""] = /^(\w+)\((.*)\)\s+= (.*)$/.exec(line) ?? [];
    const handle = /^(\d+)<(.*)>$/.exec(result);
    if (handle !== null) opened.set(handle[1] ?? "", handle[2] ?? "");
    const isOpen = name === "open" || name === "openat";
    if (isOpen && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(args)) return [];
    const named = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = ""]) => throughHandles(path, opened));
    const byHandle = /^\d+<([^>]*)>/.exec(args)?.[1];
    const paths = named.length > 0 || byHandle === undefined ? named : [byHandle];
    if (!paths.some((path) => path === folder || path.startsWith(`${folder}/`))) return [];
    return [[KINDS[name] ?? name, ...paths].join(" ")];
  });
}

function throughHandles(path: string, opened: ReadonlyMap<string, string>): string {
  return path.replace(/^\/proc\/self\/fd\/(\d+)/, (all, handle: string) => opened.get(handle) ?? all);
}

/**
 * The lines of a log without the numbers of threads. If another thread interrupted a call, the two halves of its line
 * are joined.
 */
function wholeLines(log: string): string[] {
  const begun = new Map<string, string>();
  return log.split("\n").flatMap((line) => {
    const [, thread = "", text = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const cut = / <unfinished \.\.\.>$/.exec(text);
    if (cut !== null) begun.set(thread, text.slice(0, cut.index));
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    if (resumed !== null) return `${begun.get(thread) ?? ""}${resumed[1] ?? ""}`;
    return cut === null && text !== "" ? text : [];
  });
}

/**
 * The changes that an operation of the port makes (`plugin/platform/file-system.ts`), in the form of {@link
 * changesBelow}.
 */
export function callsOf({ operation, paths, isDone }: PortChange): string[] {
  const [path = ""] = paths;
  const told = (...kinds: readonly string[]) => kinds.map((kind) => [kind, ...paths].join(" "));
  switch (operation) {
    case "writeNew":
      return told(...(isDone ? ["create", "chmod", "sync"] : ["create"]));
    case "copyNew":
      return told(...(isDone ? ["create", "chmod", "times"] : ["create"]));
    case "makeDirectory":
      return told(...(isDone ? ["mkdir", "chmod"] : ["mkdir"]));
    case "removeDirectory":
      return told("rmdir");
    case "touch":
      return told("times");
    case "syncFile":
    case "syncDirectory":
      return told("sync");
    case "rename":
    case "link":
    case "unlink":
    case "chmod":
      return told(operation);
    default:
      throw new Error(`${operation} of ${basename(path)} is not expected here.`);
  }
}

/** The entries of `list` that are not in `other`. An entry that occurs several times must occur as often in `other`. */
export function without(list: readonly string[], other: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const each of other) left.set(each, (left.get(each) ?? 0) + 1);
  return list.filter((each) => {
    const count = left.get(each) ?? 0;
    left.set(each, count - 1);
    return count <= 0;
  });
}
