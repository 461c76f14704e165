import { readlinkSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { libcWith } from "./linux-libc.ts";
import { isWrittenByUsAlone } from "./permissions.ts";

/** The functions of the C library that this module calls. */
interface Libc {
  fcntl(descriptor: number, command: number, argument: number): number;
  __errno_location(): number;
}

/** Commands and values of fcntl(2). They are the same on every architecture for which opencode is built. */
const SET_SIGNAL = 10;
const SET_LEASE = 1024;
const WRITE_LEASE = 1;
const NO_LEASE = 2;
const EAGAIN = 11;

/**
 * If a process opens the file while we hold the lease, Linux sends us a signal. The default signal would end this
 * process. So Linux is asked for this signal, which is ignored by default.
 */
const IGNORED_SIGNAL = 23;

/** The PID namespace in which the processes of all namespaces are visible (PROC_PID_INIT_INO of Linux). */
const OUTERMOST = "pid:[4026531836]";

/**
 * File systems that only this machine uses, by their numbers in statfs(2). On a network file system, a lease would show
 * only what the server knows.
 */
const LOCAL_FILE_SYSTEMS: readonly number[] = [
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x01021994, // tmpfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x794c7630, // overlayfs, as in containers
];

/**
 * Whether a file is open anywhere else on this machine. Linux grants a write lease only to the sole open descriptor of
 * a file, whatever container the other processes are in. If this runtime or file system has no leases, `/proc` decides.
 * The answer is then `false` if `/proc` shows every process that may write to the file, and `null` otherwise. This
 * function opens and closes the file, so this process loses its POSIX locks on the file.
 */
export async function hasOtherDescriptor(path: string): Promise<boolean | null> {
  const refused = await leaseRefused(path).catch(() => null);
  return refused ?? (showsAllProcesses() && isWrittenByUsAlone(path) ? false : null);
}

/**
 * Whether Linux refuses a write lease because the file is open elsewhere. `null` if this file system has no leases, the
 * file belongs to another user, or the runtime cannot ask.
 */
async function leaseRefused(path: string): Promise<boolean | null> {
  const called = await libcWith<Libc>({
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  if (called === null || !LOCAL_FILE_SYSTEMS.includes((await statfs(path)).type)) return null;
  const { libc, read } = called;
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
