/** Names that Windows gives to devices, whatever follows behind a dot. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * Whether a name is that of one file for Windows. `:` would open another stream of a file, dots and spaces at the end are
 * dropped, and the name of a device is no file.
 */
export function isNameOnWindows(name: string): boolean {
  const hasControl = [...name].some((character) => character < " ");
  return !hasControl && !/[<>:"|?*]|[. ]$/.test(name) && !DEVICE.test(name);
}

/** The same on this system: elsewhere every name without a slash will do. */
export function isNameHere(name: string): boolean {
  return process.platform !== "win32" || isNameOnWindows(name);
}
