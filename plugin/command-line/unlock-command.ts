import { endLock, isRenewed, lockOf } from "../quarantine/lock.ts";
import { LOCK_TIMES, type LockReading } from "../quarantine/lock-file.ts";
import { isUnfinished } from "../quarantine/runs.ts";
import { plural } from "../words/amounts.ts";
import { ADD_YES, NOTHING_CHANGED } from "../words/answers/common.ts";
import { holderText } from "../words/lock.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { answer, type CommandContext, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";

/**
 * `unlock`: removes the lock of a repair that has ended without removing it. The command refuses if it sees that the
 * repair still runs.
 */
export async function unlockCommand(
  context: CommandContext,
  command: Command & { name: "unlock" },
): Promise<ExitStatus> {
  const { files, located, terminal } = context;
  const lock = await lockOf(files, located.dataDir);
  if (lock === null) {
    answer(context, listAnswer({ unlocked: false, holder: null }), "This data directory is not locked.");
    return EXIT.done;
  }
  const who = typeof lock === "string" ? "an unknown process" : holderText(lock);
  const running = `The lock is held by ${who}. That process is running, so the lock stays. Wait, or end the process.`;
  if (typeof lock !== "string" && lock.standing === "alive") return problem(context, running, EXIT.refused);
  if (typeof lock !== "string" && lock.standing === "unknown") {
    terminal.say(`The lock is held by ${who}.`);
    terminal.say(`Watching for ${plural(LOCK_TIMES.watchedMs / 1000, "second")} whether the lock is renewed …`);
    if (await isRenewed(files, located.dataDir, lock)) {
      return problem(
        context,
        `The lock was renewed or removed just now: its holder is running (${who}).`,
        EXIT.refused,
      );
    }
  }
  if (!command.yes) {
    const show = context.options.json ? terminal.say : terminal.print;
    show(`Plan: remove the lock of this data directory. It is held by ${who}.`);
    show(
      "Remove the lock only if the repair that holds the lock has ended. If it still runs, that repair stops before its next change.",
    );
    if (!terminal.interactive || !(await terminal.ask("Remove the lock?"))) {
      const hint = terminal.interactive ? NOTHING_CHANGED : `${NOTHING_CHANGED} ${ADD_YES}`;
      answer(context, listAnswer({ unlocked: false, holder: publicHolder(lock) }), hint);
      return EXIT.findings;
    }
  }
  if (!(await endLock(files, located.dataDir, lock))) {
    return problem(
      context,
      "The lock changed in the meantime. Nothing was done. Run `opencode-session-repair unlock` again.",
      EXIT.refused,
    );
  }
  const next = (await isUnfinished(files, located.dataDir))
    ? " The next `repair` or `restore` completes or undoes what that repair left unfinished."
    : "";
  answer(context, listAnswer({ unlocked: true, holder: publicHolder(lock) }), `The lock is removed.${next}`);
  return EXIT.done;
}

function publicHolder(lock: LockReading): object | null {
  if (typeof lock === "string") return null;
  const { pid, host, since, renewedMs, standing } = lock;
  return { pid, host, since, renewed: new Date(renewedMs).toISOString(), standing };
}
