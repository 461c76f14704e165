import { minorOf, SQLITE_HOSTS } from "./binary.ts";
import { repairsOn } from "./repair-cases.ts";

for (const version of SQLITE_HOSTS) if (minorOf(version) > 17) repairsOn(version);
