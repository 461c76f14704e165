import { randomBytes } from "node:crypto";

const RUN_ID = /^\d{8}T\d{9}Z-\d{4}-[0-9a-f]{8}$/;

/** The counter in a run id has four digits, so one millisecond has at most this many ids. */
const MOST_IN_A_MILLISECOND = 10_000;

let lastMillisecond = 0;
let counter = 0;

/**
 * Makes the id of a new repair run, such as `20261123T021500123Z-0000-9f86d081`. Sorted ids are in the order of time.
 * The counter and the random end keep ids unique within one millisecond, even across processes.
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

let lastCreation = 0;

/**
 * The time of a new folder in quarantine, in ISO 8601. Each folder of this process gets a later time than the folder
 * before it, even if the clock is set back. The order matters, because an undo begins with the newest folder of a run.
 */
export function newCreationTime(now: number): string {
  lastCreation = Math.max(now, lastCreation + 1);
  return new Date(lastCreation).toISOString();
}

/** The time at which a repair run began, in milliseconds since 1970. `NaN` if the text is not a run id. */
export function timeOfRunID(runID: string): number {
  const [, date, hour, minute, second, milliseconds] = RUN_TIME.exec(runID) ?? [];
  return Date.parse(`${date?.replace(/(....)(..)(..)/, "$1-$2-$3")}T${hour}:${minute}:${second}.${milliseconds}Z`);
}

const RUN_TIME = /^(\d{8})T(\d\d)(\d\d)(\d\d)(\d{3})Z/;

/** Whether a text has the form of a run id. Only such a text may become the name of a folder. */
export function isRunID(text: string): boolean {
  return RUN_ID.test(text);
}
