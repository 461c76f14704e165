import { afterEach, expect, test } from "bun:test";
import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { until } from "../process/until.ts";
import { type CliService, cliService } from "./cli-service.ts";

const FAULTS = require.resolve("./cli-service-faults.ts");

const services: CliService[] = [];

afterEach(async () => {
  for (const each of services.splice(0)) await each.end().catch(() => undefined);
});

function faulty() {
  const service = cliService(FAULTS);
  services.push(service);
  return {
    end: () => service.end(),
    ask: async (late?: string) => {
      const env = { PATH: process.env.PATH, TMPDIR: await realpath(tmpdir()), ...(late ? { LATE: late } : {}) };
      return service.ask({ args: ["--version"], env });
    },
  };
}

test("a command that leaves a temporary folder fails, the next one does not", async () => {
  const { ask, end } = faulty();
  expect(await ask()).toMatchObject({ code: -1, stderr: "temporary folders that the command left: 1\n" });
  expect(await ask()).toMatchObject({ code: 0, stderr: "" });
  await end();
});

test("a status that is set after the answer fails the next command, and the end", async () => {
  const { ask, end } = faulty();
  await ask("status");
  await expect(ask()).rejects.toThrow("the command line ended its process with 3");
  await expect(end()).rejects.toThrow("the command line ended its process with 3");
});

test("a status that is set after the last answer fails the end", async () => {
  const { ask, end } = faulty();
  await ask("status");
  await expect(end()).rejects.toThrow("after its answer, the command line ended its process with 3");
});

test("an error that is thrown after an answer fails the next command, and the end", async () => {
  const { ask, end } = faulty();
  await ask("throw");
  const failure = () => ask().then(() => "", String);
  await until(async () => (await failure()).includes("ended its process with 1"), "the error is lost");
  await expect(end()).rejects.toThrow("the command line ended its process with 1");
});
