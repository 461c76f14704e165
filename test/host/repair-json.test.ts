import { JSON_HOSTS } from "./binary.ts";
import { repairsOn } from "./repair-cases.ts";

for (const version of JSON_HOSTS) repairsOn(version);
