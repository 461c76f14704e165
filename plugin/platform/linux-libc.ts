/** Reads memory of this process at an address. */
interface Pointers {
  readonly i32: (address: number) => number;
}

/** The part of `bun:ffi` that is used here. */
interface ForeignFunctions {
  dlopen(name: string, symbols: Symbols): { symbols: unknown };
  readonly read: Pointers;
}

type Symbols = Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>;

/** The C library of glibc systems, and of Alpine and others with musl. */
const LIBRARIES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * Functions of the C library, and a way to read memory. `null`: this runtime cannot call them, because only Bun can.
 * `Libc` must fit `symbols`.
 */
export async function libcWith<Libc>(
  symbols: Symbols,
): Promise<{ readonly libc: Libc; readonly read: Pointers } | null> {
  if (process.versions.bun === undefined) return null;
  // The module's name is not a literal, because only Bun has the module.
  const specifier = "bun:ffi";
  const { dlopen, read } = (await import(specifier)) as ForeignFunctions;
  for (const library of LIBRARIES) {
    try {
      return { libc: dlopen(library, symbols).symbols as Libc, read };
    } catch {
      // The next library may be there.
    }
  }
  return null;
}
