/** The text of `--help`. */
export const HELP = `opencode-session-repair: opens the opencode conversations that will not open.

  opencode-session-repair [check]  [--session ID]…
      Says what opencode cannot load. Changes nothing.
  opencode-session-repair repair   [--session ID]… [--only CODE]… [--dry-run] [--yes]
      Sets aside what opencode cannot read. Nothing is deleted.
  opencode-session-repair check|repair --for 2.x
      Before opencode 2.x is started for the first time: says what its import would leave out, change or stop at;
      completes what can be completed, so that it arrives.
  opencode-session-repair restore  RUN [--session ID] [--item ID]… [--yes]
      Puts a run's records back, byte for byte.
  opencode-session-repair runs
      Lists the runs in quarantine, newest first.
  opencode-session-repair purge    --older-than 30d [--yes]
      Deletes old runs from quarantine for good.
  opencode-session-repair rescue   [--import] [--relink [--from DIR --to DIR]] [--unarchive]
                                   [--from-data DIR] [--session ID]… [--into NAME] [--export DIR]
                                   [--dry-run] [--yes]
      Lists conversations that are on disk and that opencode does not show; brings in what only the old JSON
      storage or another database has (also of another data directory: --from-data), sets moved folders right,
      takes sessions out of the archive.
  opencode-session-repair salvage  [--swap] [--dry-run] [--yes]
      Builds a new database from what is left of a damaged one; with --swap it takes its place.
  opencode-session-repair unlock   [--yes]
      Ends the lock of a repair that does not run any more, for example of a container that is gone.
  opencode-session-repair show     SESSION
      Prints what can be read of a session, with its holes marked. Changes nothing.
  opencode-session-repair report   [--output FILE]
      Versions, sizes, codes and times for a public issue: no content, titles, paths or keys.

  --data-dir DIR   opencode's data directory (default: $XDG_DATA_HOME/opencode or ~/.local/share/opencode)
  --db FILE        look at this database only
  --json           one JSON document on stdout
  --quiet          no messages on stderr
  --concurrency N  files read at once (default 16)
  --no-color       no colours
  --help, --version

  Exit status: 0 healthy or done · 1 problems remain, or you did not say yes
               2 wrong usage, no store, or no runtime that can read it
               3 refused, nothing changed, or interrupted · 4 failed, nothing lost`;
