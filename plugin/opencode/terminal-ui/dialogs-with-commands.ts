import type { TuiDialogSelectOption, TuiPluginApi } from "@opencode-ai/plugin/tui";
import { withNpx } from "../../words/commands.ts";
import { released } from "../../words/text-layout.ts";
import { type Choice, showAlert, showDefect } from "./dialog-parts.ts";

/** Dialogs whose texts may contain commands. The commands are shown as a user of the plugin types them. */

type Option = TuiDialogSelectOption<Choice>;

/** Shows a list. A choice runs its action, which may open the next dialog. `closed` runs whenever the list closes. */
export function showList(
  api: TuiPluginApi,
  title: string,
  options: readonly Option[],
  placeholder: string,
  closed: () => void = () => undefined,
): void {
  api.ui.dialog.replace(
    () =>
      api.ui.DialogSelect<Choice>({
        title: forUser(title),
        placeholder,
        options: options.map(withCommands),
        onSelect: (option) => void Promise.resolve(option.value()).catch(() => showDefect(api)),
      }),
    closed,
  );
  api.ui.dialog.setSize("large");
}

function forUser(text: string): string {
  return released(withNpx(text));
}

function withCommands(option: Option): Option {
  const { title, description, category } = option;
  return {
    ...option,
    title: forUser(title),
    ...(description !== undefined && { description: forUser(description) }),
    ...(category !== undefined && { category: forUser(category) }),
  };
}

/** Shows a text until the user closes the dialog. */
export function showText(api: TuiPluginApi, title: string, message: string, closed?: Choice): void {
  showAlert(api, title, forUser(message), closed);
}

export function askUser(api: TuiPluginApi, title: string, message: string, yes: Choice, no: Choice): void {
  let answered = false;
  const once = (work: Choice) => () => {
    if (answered) return;
    answered = true;
    // opencode closes the open dialog after this callback. The work begins only then, because the work may open a
    // dialog, which must not be closed.
    queueMicrotask(() => void Promise.resolve(work()).catch(() => showDefect(api)));
  };
  api.ui.dialog.replace(
    () => api.ui.DialogConfirm({ title, message: forUser(message), onConfirm: once(yes), onCancel: once(no) }),
    once(no),
  );
}
