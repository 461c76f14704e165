import { randomBytes } from "node:crypto";

const RUN_ID = /^\d{8}T\d{9}Z-\d{4}-[0-9a-f]{8}$/;

/** The largest number that fits the counter's four digits. */
const MOST_IN_A_MILLISECOND = 10_000;

let lastMillisecond = 0;
let counter = 0;

/**
 * Id of a repair run, such as `20261123T021500123Z-0000-9f86d081`: it sorts by time. The
 * counter and the random tail make it unique within one millisecond, also across processes.
 */
export function newRunID(now: number): string {
  let millisecond = Math.max(now, lastMillisecond);
  counter = millisecond === lastMillisecond ? counter + 1 : 0;
  if (counter === MOST_IN_A_MILLISECOND) {
    millisecond += 1;
    counter = 0;
  }
  lastMillisecond = millisecond;
  const time = new Date(millisecond).toISOString().replace(/[-:.]/g, "");
  return `${time}-${String(counter).padStart(4, "0")}-${randomBytes(4).toString("hex")}`;
}

/** The time at which a run began, in milliseconds since 1970; not a number if its id states no time. */
export function timeOfRunID(runID: string): number {
  const [, date, hour, minute, second, milliseconds] = RUN_TIME.exec(runID) ?? [];
  return Date.parse(`${date?.replace(/(....)(..)(..)/, "$1-$2-$3")}T${hour}:${minute}:${second}.${milliseconds}Z`);
}

const RUN_TIME = /^(\d{8})T(\d\d)(\d\d)(\d\d)(\d{3})Z/;

/** Whether a text has the form of a run id; only such a text may become the name of a folder. */
export function isRunID(text: string): boolean {
  return RUN_ID.test(text);
}
