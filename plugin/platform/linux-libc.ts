/** Reads a number from an address in the memory of this process. */
interface Pointers {
  readonly i32: (address: number) => number;
}

/** The part of `bun:ffi` that this module uses. */
interface ForeignFunctions {
  dlopen(name: string, symbols: Symbols): { symbols: unknown };
  readonly read: Pointers;
}

type Symbols = Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>;

/** The names of the C library: on systems with glibc, and on Alpine and others with musl. */
const LIBRARIES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * Loads functions of the C library, and a way to read memory. `null` if this runtime cannot call C functions, because
 * only Bun can. The type `Libc` must fit `symbols`.
 */
export async function libcWith<Libc>(
  symbols: Symbols,
): Promise<{ readonly libc: Libc; readonly read: Pointers } | null> {
  if (process.versions.bun === undefined) return null;
  // The name of the module is not a literal, so that Node and bundlers do not look for a module that only Bun has.
  const specifier = "bun:ffi";
  const { dlopen, read } = (await import(specifier)) as ForeignFunctions;
  for (const library of LIBRARIES) {
    try {
      return { libc: dlopen(library, symbols).symbols as Libc, read };
    } catch {
      // If loading fails, the library may have another name on this system. So the next name is tried.
    }
  }
  return null;
}
