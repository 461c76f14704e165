import { describeStore } from "./conformance.ts";
import { createSqliteStore } from "./sqlite-fixture.ts";

const IDS = [
  "../../x",
  "/etc/passwd",
  "..",
  "",
  "a\0b",
  "'; drop table part; --",
  '"',
  "a\nb",
  "ünï🌍",
  "%_",
  "__proto__",
  "x".repeat(100_000),
];

for (const version of ["1.2.27", "1.18.33"] as const) {
  describeStore({
    name: `SQLite, schema of ${version}`,
    create: (content) => createSqliteStore(version, content),
    hostileIDs: IDS,
    withLargeRecords: version === "1.18.33",
  });
}
