import { readlinkSync } from "node:fs";
import { open } from "node:fs/promises";

interface Pointers {
  readonly i32: (address: number) => number;
}

interface ForeignFunctions {
  dlopen(name: string, symbols: Readonly<Record<string, { args: string[]; returns: string }>>): { symbols: unknown };
  readonly read: Pointers;
}

/** The functions of the C library that are needed here. */
interface Libc {
  fcntl(descriptor: number, command: number, argument: number): number;
  __errno_location(): number;
}

/** Commands and values of fcntl(2), the same on every architecture of opencode. */
const SET_SIGNAL = 10;
const SET_LEASE = 1024;
const WRITE_LEASE = 1;
const NO_LEASE = 2;
const EAGAIN = 11;

/** A process that opens the file while we have the lease sends a signal. The default one would end this process. */
const IGNORED_SIGNAL = 23;

/** The PID namespace that shows the processes of all others (PROC_PID_INIT_INO of Linux). */
const OUTERMOST = "pid:[4026531836]";

/**
 * Whether any other open descriptor of a file exists, in whatever process of this kernel: Linux grants a write lease only
 * on the sole one. Bun alone can ask for a lease. Without it the answer is `false` where `/proc` shows all processes, and
 * `null` in a container. Opens and closes the file: what POSIX locks this process has on it are lost.
 */
export async function hasOtherDescriptor(path: string): Promise<boolean | null> {
  return (await leaseRefused(path).catch(() => null)) ?? (showsAllProcesses() ? false : null);
}

/** `null`: this file system has no leases, the file is another user's, or the runtime cannot ask. */
async function leaseRefused(path: string): Promise<boolean | null> {
  if (process.versions.bun === undefined) return null;
  // Not a literal, because only Bun has it.
  const specifier = "bun:ffi";
  const { dlopen, read } = (await import(specifier)) as ForeignFunctions;
  const libc = dlopen("libc.so.6", {
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  }).symbols as Libc;
  const file = await open(path, "r");
  try {
    libc.fcntl(file.fd, SET_SIGNAL, IGNORED_SIGNAL);
    if (libc.fcntl(file.fd, SET_LEASE, WRITE_LEASE) < 0) {
      return read.i32(libc.__errno_location()) === EAGAIN ? true : null;
    }
    libc.fcntl(file.fd, SET_LEASE, NO_LEASE);
    return false;
  } finally {
    await file.close();
  }
}

function showsAllProcesses(): boolean {
  try {
    return readlinkSync("/proc/self/ns/pid") === OUTERMOST;
  } catch {
    return false;
  }
}
