import { IS_WHOLE } from "../process/whole.ts";
import { minorOf, SQLITE_HOSTS } from "./binary.ts";
import { repairsOn } from "./repair-cases.ts";

/** 1.14.41 stores records in the same way as 1.2.27, and has the same rules for them. */
const VERSIONS = SQLITE_HOSTS.filter((version) => minorOf(version) < 17 && (IS_WHOLE || version !== "1.14.41"));

for (const version of VERSIONS) repairsOn(version);
