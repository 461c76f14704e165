import { LINE_HOSTS, minorOf } from "./binary.ts";
import { repairsOn } from "./repair-cases.ts";

for (const version of LINE_HOSTS) if (minorOf(version) >= 17) repairsOn(version);
