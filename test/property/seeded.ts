/**
 * Import this module for its side effect: fast-check then takes the cases of all properties in a test file from `SEED`.
 */
import fc from "fast-check";
import { SEED } from "../process/seed.ts";

fc.configureGlobal({ seed: SEED });
