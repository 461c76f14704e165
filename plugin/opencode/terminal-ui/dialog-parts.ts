import type { TuiDialogSelectOption, TuiPluginApi } from "@opencode-ai/plugin/tui";
import { DEFECT } from "../../words/answers/common.ts";
import type { RequestContext } from "../repair-request.ts";

/** What happens if the user chooses this entry of a list. */
export type Choice = () => Promise<void> | void;

type Option = TuiDialogSelectOption<Choice>;

export interface DialogInput {
  readonly api: TuiPluginApi;
  readonly context: RequestContext;
}

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
        title,
        placeholder,
        options: [...options],
        onSelect: (option) => void Promise.resolve(option.value()).catch(() => showDefect(api)),
      }),
    closed,
  );
  api.ui.dialog.setSize("large");
}

export function showDefect(api: TuiPluginApi): void {
  showText(api, DEFECT.title, DEFECT.rest);
}

/** Shows a text until the user closes the dialog. */
export function showText(api: TuiPluginApi, title: string, message: string, closed: Choice = () => undefined): void {
  let isOver = false;
  const once = () => {
    if (isOver) return;
    isOver = true;
    void Promise.resolve(closed()).catch(() => showDefect(api));
  };
  const onConfirm = () => {
    api.ui.dialog.clear();
    once();
  };
  api.ui.dialog.replace(() => api.ui.DialogAlert({ title, message, onConfirm }), once);
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
    () => api.ui.DialogConfirm({ title, message, onConfirm: once(yes), onCancel: once(no) }),
    once(no),
  );
}
