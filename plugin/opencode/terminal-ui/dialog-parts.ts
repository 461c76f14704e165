import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import { DEFECT } from "../../words/answers/common.ts";
import type { RequestContext } from "../repair-request.ts";

/** What happens if the user chooses this entry of a list. */
export type Choice = () => Promise<void> | void;

export interface DialogInput {
  readonly api: TuiPluginApi;
  readonly context: RequestContext;
}

export function showDefect(api: TuiPluginApi): void {
  showAlert(api, DEFECT.title, DEFECT.rest);
}

/** Shows a text without commands until the user closes the dialog. This module is loaded when opencode starts. */
export function showAlert(api: TuiPluginApi, title: string, message: string, closed: Choice = () => undefined): void {
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
