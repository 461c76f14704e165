import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/** The part of opencode's text area for the prompt that this module uses (OpenTUI; measured 1.14.34 to 1.18.34). */
interface Editor {
  readonly plainText: string;
  onSubmit: (event: unknown) => void;
  /**
   * The purpose of the text area, and whether it takes a shell command. Only newer versions of opencode have this
   * field.
   */
  readonly traits?: { readonly role?: unknown; readonly status?: unknown };
  clear(): void;
}

interface KeyPress {
  preventDefault(): void;
  stopPropagation?(): void;
}

/** The keys that the user has configured. Only opencode up to 1.14.41 has this object. */
interface KeyNames {
  match(name: string, key: KeyPress): boolean;
}

export interface TypedCommand {
  /** The name of the command, without the slash. */
  readonly name: string;
  /** Returns `false` if the name belongs to a command of the server. */
  isOurs(): boolean;
  /**
   * Carries out the words after the command's name. Returns `false` if the words are not understood. Then they stay in
   * the prompt.
   */
  answer(words: string): boolean;
}

/**
 * Answers a command that the user types with further words. opencode offers the terminal's commands only in its
 * autocomplete, which closes at the first space. Without this function, the text would go to the model. The text is
 * taken when the user submits the prompt, before opencode creates a session for it.
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
    // In opencode up to 1.14.41, a command of opencode handles the key that submits, and `onSubmit` of the text area is
    // not called. So the key itself is caught here.
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

/**
 * Whether opencode's autocomplete is open. The autocomplete is open until the first space. As long as it is open, it
 * handles the key that submits, so this plugin must not.
 */
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

/**
 * Whether text in this area would go to the model. The text of a dialog, an answer to the agent or a shell command does
 * not go to the model.
 */
function isPrompt(api: TuiPluginApi, { traits }: Editor): boolean {
  if (api.ui.dialog.open || traits?.status === "SHELL") return false;
  if (traits?.role !== undefined && traits.role !== "prompt") return false;
  const { current } = api.route;
  if (current.name === "home") return true;
  if (current.name !== "session") return false;
  const sessionID = String(current.params?.sessionID);
  // Older versions of opencode lack some of these fields.
  const { permission, question }: Partial<TuiPluginApi["state"]["session"]> = api.state.session;
  return !permission?.(sessionID).length && !question?.(sessionID).length;
}
