/** Whether `JSON.parse` accepts the whole text. Bytes are read as UTF-8. */
export function parses(text: string | Uint8Array): boolean {
  try {
    JSON.parse(typeof text === "string" ? text : Buffer.from(text).toString("utf8"));
    return true;
  } catch {
    return false;
  }
}
