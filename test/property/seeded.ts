/** Import it for its effect: the properties of a test file are tried on the same cases each time, or on those of `SEED`. */
import fc from "fast-check";
import { SEED } from "../process/seed.ts";

fc.configureGlobal({ seed: SEED });
