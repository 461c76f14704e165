import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/** The progress of some work on the screen. */
export interface DialogProgress {
  /** Aborted when the user stops the work. */
  readonly signal: AbortSignal;
  tell(howFar: string): void;
  close(): void;
}

/** A number on the screen stays for at least this time, in milliseconds, so that users can read it. */
const SHOWN_MS = 200;

type Answer = "go on" | "stop";

/**
 * Shows the current work, its progress, and an entry that stops the work. `whenClosed` says whether the work also stops
 * if the user closes the dialog.
 */
export function showDialogProgress(
  { ui }: TuiPluginApi,
  doing: string,
  { whenClosed }: { readonly whenClosed: Answer },
): DialogProgress {
  const stopping = new AbortController();
  let isReplacing = false;
  let isClosed = false;
  let chosen: Answer = "go on";
  let shownAt = 0;
  const onClose = () => {
    if (isReplacing) return;
    isClosed = true;
    if (whenClosed === "stop") stopping.abort();
  };
  const show = (title: string) => {
    isReplacing = true;
    ui.dialog.replace(
      () =>
        ui.DialogSelect<Answer>({
          title,
          placeholder: "",
          current: chosen,
          options: [
            { title: "Go on", value: "go on" },
            { title: "Stop", description: "the changes made so far are complete, and can be undone", value: "stop" },
          ],
          onMove: ({ value }) => {
            chosen = value;
          },
          onSelect: ({ value }) => {
            if (value !== "stop") return;
            stopping.abort();
            show("Stopping …");
          },
        }),
      onClose,
    );
    ui.dialog.setSize("large");
    isReplacing = false;
  };
  show(`${doing} …`);
  return {
    signal: stopping.signal,
    tell(howFar) {
      const now = performance.now();
      if (isClosed || stopping.signal.aborted || now - shownAt < SHOWN_MS) return;
      shownAt = now;
      show(`${doing}: ${howFar}`);
    },
    close() {
      if (!isClosed) ui.dialog.clear();
    },
  };
}
