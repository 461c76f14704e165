import { afterAll, describe, expect, test } from "bun:test";
import { builtPackage } from "../package/built.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { JSON_HOSTS } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { fullDisk, killed } from "./streaming-failures.ts";

/** `npm run test:host-kill` and `npm run test:full-disk` try more kills and full disks, also without `atomicWrites`. */
const SEED = 20_261_125;

/** Each kill and each full disk needs two starts of opencode. */
const [KILLS, FULL_DISKS] = IS_WHOLE ? [4, 3] : [1, 1];

const whole = { withUnreadableFile: 0, withDeadSession: 0, unreadableFiles: 0, changedFiles: 0 };

const mayMount = process.platform === "linux" && process.getuid?.() === 0;

afterAll(removeHomes);

describe.each([...JSON_HOSTS])("atomic writes on %s", (version) => {
  test("a host that is killed while it streams leaves no torn record, and its sessions open", async () => {
    const input = { version, dist: await builtPackage(), atomicWrites: true, count: KILLS, seed: SEED };
    expect(await killed(input)).toMatchObject({ failures: KILLS, ...whole });
  });

  // With a full disk, 1.0.152 may stop answering, even without the plugin.
  test.if(mayMount && version === "1.1.65")(
    "a disk that fills up while it streams leaves every record readable, and its sessions open",
    async () => {
      const input = { version, dist: await builtPackage(), atomicWrites: true, count: FULL_DISKS, seed: SEED };
      expect(await fullDisk(input)).toMatchObject({ failures: FULL_DISKS, ...whole });
    },
  );
});
