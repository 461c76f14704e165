import type { Terminal } from "./terminal.ts";

/** The remaining time is shown after this many milliseconds. An earlier estimate would be too wrong. */
const TELLING_MS = 2000;

/** The progress of some work: `Undoing: 43 %, 1,204 of 2,800 records, 12 s left`. `of` is `null` if unknown. */
export function progressText(doing: string, done: number, of: number | null, what: string, elapsedMs: number): string {
  const number = (count: number) => count.toLocaleString("en-US");
  if (of === null || of <= 0) return done === 0 ? `${doing} …` : `${doing}: ${number(done)} ${what} …`;
  const [share = "", ...left] = shareFacts(done, of, elapsedMs);
  return `${doing}: ${[share, `${number(Math.min(done, of))} of ${number(of)} ${what}`, ...left].join(", ")}`;
}

/**
 * The share of the work that is done, such as `43 %`, and the remaining time, such as `12 s left`. Both are estimates,
 * because `of` is an estimate.
 */
export function shareFacts(done: number, of: number, elapsedMs: number): string[] {
  const share = Math.min(0.99, done / of);
  const percent = `${Math.floor(100 * share)} %`;
  if (elapsedMs < TELLING_MS || share < 0.01) return [percent];
  return [percent, `${durationText((elapsedMs * (1 - share)) / share)} left`];
}

function durationText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** Shows the progress of some work on the terminal, from this call on. */
export function showProgress(
  terminal: Pick<Terminal, "progress">,
  doing: string,
  what: string,
): (done: number, of: number | null) => void {
  const started = performance.now();
  terminal.progress(progressText(doing, 0, null, what, 0));
  return (done, of) => terminal.progress(progressText(doing, done, of, what, performance.now() - started));
}
