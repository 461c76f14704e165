const LONGEST_SHOWN = 80;

/** Matches a name or an id. Such a text is neither session content nor a path, so it may be shown. */
const NAME = /^[A-Za-z0-9_.:@-][A-Za-z0-9_.:@/-]*$/;

/**
 * Describes a value in a plan that a user reads. Missing values, numbers and names are shown as they are. For a path or
 * a long text, only the kind of value is shown. With `isHidden`, no text is shown.
 */
export function shownValue(value: unknown, isHidden: boolean): string {
  if (value === undefined) return "(missing)";
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") {
    if (value === "") return '""';
    return isHidden || value.length > LONGEST_SHOWN || !NAME.test(value) ? "(a text)" : value;
  }
  const text = JSON.stringify(value);
  if (text === "{}" || text === "[]") return text;
  return !isHidden && text.length <= LONGEST_SHOWN && isPlain(value)
    ? text
    : Array.isArray(value)
      ? "(a list)"
      : "(an object)";
}

function isPlain(value: unknown): boolean {
  if (typeof value === "string") return NAME.test(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isPlain);
}
