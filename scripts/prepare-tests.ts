import { HOST_VERSIONS, hostBinary } from "../test/host/binary.ts";
import { realStore } from "../test/host/stored-fixture.ts";

/** Fetches the opencode releases that are not there yet and has each write its store: no test has to wait for that. */
async function prepare(): Promise<void> {
  for (const version of HOST_VERSIONS) {
    process.stdout.write(`opencode ${version}: `);
    await hostBinary(version);
    process.stdout.write("binary, ");
    const store = await realStore(version);
    await store.home.remove();
    process.stdout.write("sessions\n");
  }
}

try {
  await prepare();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`\nThe tests need this opencode release, and there is none without it:\n${reason}\n`);
  process.exitCode = 1;
}
