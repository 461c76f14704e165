import { execFileSync, spawnSync } from "node:child_process";
import { relative } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { type ProcessGroup, startGroup } from "../host/process-group.ts";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { until } from "../process/until.ts";
import type { World } from "./world.ts";

/** The path at which a container finds its one folder. On the machine itself, nothing exists at this path. */
export const WORKSPACE = "/srv/workspace";

const OUTSIDE = "/media/outside";

const ASSUMED = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];

/** Whether this machine lets a test create a mount namespace. */
export function canContain(): boolean {
  if (process.platform !== "linux") return false;
  const mount = "mount -t tmpfs none /srv && mount -t tmpfs none /media";
  return spawnSync("unshare", [...ASSUMED, "--mount", "sh", "-c", mount], { stdio: "ignore" }).status === 0;
}

/**
 * An opencode in a mount namespace. It shares the data directory of a world. Of the world's folders, it sees only the
 * one that is bound to `/srv/workspace`.
 */
export class Container {
  readonly host: RunningHost;
  readonly #world: World;
  readonly #folders: string;
  readonly #namespace: ProcessGroup;

  private constructor(world: World, folders: string, namespace: ProcessGroup, host: RunningHost) {
    this.#world = world;
    this.#folders = folders;
    this.#namespace = namespace;
    this.host = host;
  }

  /** `folders`: the folder that contains all folders of the world. The container does not see it. */
  static async start(world: World, folders: string): Promise<Container> {
    const script = [
      "mount -t tmpfs none /srv",
      "mount -t tmpfs none /media",
      `mkdir ${WORKSPACE} ${OUTSIDE}`,
      `mount --bind "$1" ${OUTSIDE}`,
      `mount -t tmpfs none "$1"`,
      "echo ready",
      "exec sleep infinity",
    ].join(" && ");
    const args = [...ASSUMED, "--mount", "--propagation", "private", "sh", "-c", script, "sh", folders];
    const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
    const namespace = startGroup("unshare", args, { cwd: "/", env });
    await until(
      () => namespace.stdout().includes("ready") || !namespace.running(),
      () => `no mount namespace: ${namespace.stderr()}`,
    );
    const host = await startHost({ home: world.home, inside: entering(namespace) });
    return new Container(world, folders, namespace, host);
  }

  /** Binds a folder of the world to the workspace, and unbinds the previous folder. */
  bind(folder: string): void {
    const script = `umount -l ${WORKSPACE} 2>/dev/null; mount --bind "$1" ${WORKSPACE}`;
    const source = `${OUTSIDE}/${relative(this.#folders, folder)}`;
    const [command = "", ...args] = [...entering(this.#namespace), "sh", "-c", script, "sh", source];
    execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Runs the command line in the container and returns its JSON answer. */
  async run(...args: readonly string[]): Promise<unknown> {
    const inside = entering(this.#namespace);
    const { stdout, stderr } = await runCli([...args, "--json", "--data-dir", this.#world.home.dataDir], { inside });
    if (stdout === "") throw new Error(`${args[0]} inside: ${stderr}`);
    return JSON.parse(stdout);
  }

  async stop(): Promise<void> {
    await this.host.stop();
    await this.#namespace.end("SIGKILL");
  }
}

function entering({ pid }: ProcessGroup): string[] {
  const user = ASSUMED.length === 0 ? [] : ["--user", "--preserve-credentials"];
  return ["nsenter", "--target", String(pid), "--mount", ...user];
}
