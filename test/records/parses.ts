/** Whether `JSON.parse` accepts a text, or bytes as UTF-8. Nothing is removed before. */
export function parses(text: string | Uint8Array): boolean {
  try {
    JSON.parse(typeof text === "string" ? text : Buffer.from(text).toString("utf8"));
    return true;
  } catch {
    return false;
  }
}
