import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packedPackage, packInstalled, REPOSITORY } from "./packed.ts";

/**
 * An npm registry on the loopback interface. It has this package and the dependencies that the package needs at run
 * time.
 */
export interface LoopbackRegistry {
  readonly url: string;
  /** The requested paths that the registry does not have. */
  readonly missed: readonly string[];
  stop(): Promise<void>;
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Published {
  readonly manifest: PackageManifest;
  readonly archive: Buffer;
}

/** Starts the registry. An installation from it needs no network. */
export async function startRegistry(): Promise<LoopbackRegistry> {
  const published = await publishedPackages();
  const missed: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      const { origin, pathname } = new URL(url);
      const [name = "", archive] = decodeURIComponent(pathname.slice(1)).split("/-/");
      const found = published.get(name);
      if (!found) {
        missed.push(pathname);
        return Response.json({ error: "not found" }, { status: 404 });
      }
      return archive === undefined
        ? Response.json(packument(found, origin))
        : new Response(new Uint8Array(found.archive), { headers: { "content-type": "application/octet-stream" } });
    },
  });
  return { url: `http://127.0.0.1:${server.port}/`, missed, stop: () => server.stop(true) };
}

async function publishedPackages(): Promise<ReadonlyMap<string, Published>> {
  const own = await readManifest(REPOSITORY);
  const dependencies = await installedDependencies(own);
  const manifests = [own, ...dependencies];
  const archives = [await packedPackage(), ...(await packInstalled(dependencies.map(({ name }) => name)))];
  const entries = manifests.map(async (manifest, index) => {
    return [manifest.name, { manifest, archive: await readFile(archives[index] ?? "") }] as const;
  });
  return new Map(await Promise.all(entries));
}

/** All packages that `npm install` of this package would install with it. */
async function installedDependencies(own: PackageManifest): Promise<readonly PackageManifest[]> {
  const found = new Map<string, PackageManifest>();
  const wanted = Object.keys({ ...own.dependencies, ...own.optionalDependencies });
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (found.has(name)) continue;
    const manifest = await readManifest(join(REPOSITORY, "node_modules", name));
    found.set(name, manifest);
    wanted.push(...Object.keys(manifest.dependencies ?? {}));
  }
  return [...found.values()];
}

async function readManifest(directory: string): Promise<PackageManifest> {
  return JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as PackageManifest;
}

function packument({ manifest, archive }: Published, origin: string): unknown {
  const { name, version } = manifest;
  const dist = {
    tarball: `${origin}/${name}/-/${name}-${version}.tgz`,
    integrity: `sha512-${createHash("sha512").update(archive).digest("base64")}`,
    shasum: createHash("sha1").update(archive).digest("hex"),
  };
  return { name, "dist-tags": { latest: version }, versions: { [version]: { ...manifest, dist } } };
}
