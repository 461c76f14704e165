import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/** What is used of the text area in which opencode's prompt is typed (OpenTUI; measured 1.14.34 to 1.18.34). */
interface Editor {
  readonly plainText: string;
  onSubmit: (event: unknown) => void;
  /** Newer hosts say here what the text area is for, and whether it takes a shell command. */
  readonly traits?: { readonly role?: unknown; readonly status?: unknown };
  clear(): void;
}

interface KeyPress {
  preventDefault(): void;
  stopPropagation?(): void;
}

/** Up to 1.14.41 only: the keys as the user has configured them. */
interface KeyNames {
  match(name: string, key: KeyPress): boolean;
}

export interface TypedCommand {
  /** Without the slash. */
  readonly name: string;
  /** `false` where the name belongs to a command of the server. */
  isOurs(): boolean;
  /** Carries out what was typed after the name. `false`: it was not understood, and stays in the prompt. */
  answer(words: string): boolean;
}

/**
 * Answers a command that is typed with further words. opencode looks for commands of the terminal only in its
 * autocomplete, which closes at the first space; the text would go to the model. It is taken when the prompt is
 * submitted, before opencode makes a session for it.
 */
export function answerTyped(api: TuiPluginApi, command: TypedCommand): void {
  const keys = (api as { renderer?: { keyInput?: NodeJS.EventEmitter } }).renderer?.keyInput;
  if (typeof keys?.prependListener !== "function") return;
  const { keybind } = api as { keybind?: Partial<KeyNames> };
  const seen = new WeakSet<Editor>();
  const onKey = (key: KeyPress) => {
    const editor = focusedEditor(api);
    if (editor === null) return;
    if (!seen.has(editor)) {
      seen.add(editor);
      const { onSubmit } = editor;
      editor.onSubmit = (event) => {
        if (!takes(api, command, editor)) onSubmit.call(editor, event);
      };
    }
    // Up to 1.14.41 the key is taken by a command of opencode, which does not ask the text area.
    if (keybind?.match?.("input_submit", key) !== true || isCompleting(editor)) return;
    if (!takes(api, command, editor)) return;
    key.preventDefault();
    key.stopPropagation?.();
  };
  keys.prependListener("keypress", onKey);
  api.lifecycle.onDispose(() => void keys.off("keypress", onKey));
}

function focusedEditor(api: TuiPluginApi): Editor | null {
  const { currentFocusedRenderable: focused } = api.renderer as { currentFocusedRenderable?: Partial<Editor> | null };
  const isEditor = typeof focused?.plainText === "string" && typeof focused.onSubmit === "function";
  return isEditor && typeof focused.clear === "function" ? (focused as Editor) : null;
}

/** The autocomplete is open until the first space, and the key is its own. */
function isCompleting({ plainText }: Editor): boolean {
  // biome-ignore lint/plugin: a command, no path
  return plainText.startsWith("/") && !/\s/.test(plainText);
}

function takes(api: TuiPluginApi, command: TypedCommand, editor: Editor): boolean {
  const [first = "", ...words] = editor.plainText.trim().split(/\s+/);
  if (first !== `/${command.name}` || !isPrompt(api, editor) || !command.isOurs()) return false;
  if (command.answer(words.join(" "))) editor.clear();
  return true;
}

/** Whether text in there would go to the model: not that of a dialog, an answer to the agent or a shell command. */
function isPrompt(api: TuiPluginApi, { traits }: Editor): boolean {
  if (api.ui.dialog.open || traits?.status === "SHELL") return false;
  if (traits?.role !== undefined && traits.role !== "prompt") return false;
  const { current } = api.route;
  if (current.name === "home") return true;
  if (current.name !== "session") return false;
  const sessionID = String(current.params?.sessionID);
  // Older hosts do not say all of it.
  const { permission, question }: Partial<TuiPluginApi["state"]["session"]> = api.state.session;
  return !permission?.(sessionID).length && !question?.(sessionID).length;
}
