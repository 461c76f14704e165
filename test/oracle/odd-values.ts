export const NUMBERS: readonly string[] = [
  ...["0.1", "-0.0", "0.0", "1E3", "1e+3", "1e-3", "1e-400", "-1e-400", "5e-324", "1.7976931348623157e308", "1e309"],
  ...["-1e308", "-1e400", "9007199254740991", "9007199254740992", "9007199254740994", "-9007199254740993"],
  ...["12345678901234567890", "253402300800000", "8640000000000000", "8640000000000001", "1790000000000.5"],
  ...[
    "1790000000000.0",
    "1.79e12",
    "179000000000e1",
    "-1790000000000",
    "2147483648",
    "4294967296",
    "0.30000000000000004",
  ],
];

export const TEXTS: readonly string[] = [
  ...[
    "\\u0000",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\ude00",
    "\\ude00\\ud83d",
    "\u2028\u2029",
    "\u202e abc",
    "\ufeff",
    "\\uffff",
  ],
  ...[
    "__proto__",
    "constructor",
    "null",
    "undefined",
    "NaN",
    "0",
    "1",
    "true",
    "[]",
    "{}",
    "\\n",
    "\\t",
    " ",
    "e\u0301",
  ],
  ...[
    "msg",
    "msg_",
    "prt",
    "prt_",
    "ses",
    "ses_",
    "MSG_a",
    " msg_a",
    "msg\\u0000",
    "msg/../a",
    "msg_\u00fc",
    "m\\u0073g_a",
  ],
  ...["/", "//", "C:\\\\a", "\\\\\\\\server\\\\share", "file:///a", "2026-01-01T00:00:00.000Z", "1790000000000"],
];

export const TAGS: Readonly<Record<string, readonly string[]>> = {
  type: [
    ...["text", "reasoning", "file", "tool", "step-start", "step-finish", "snapshot", "patch", "agent", "subtask"],
    ...["retry", "compaction", "symbol", "resource", "tool-invocation", "source-url", "Text", "text ", "t\\u0065xt"],
    ...["json_schema", "image", "toString", "__proto__"],
  ],
  status: [
    "pending",
    "running",
    "completed",
    "error",
    "Completed",
    "call",
    "result",
    "partial-call",
    "modified",
    "renamed",
  ],
  role: ["user", "assistant", "system", "tool", "User", "constructor"],
  name: [
    ...[
      "ProviderAuthError",
      "UnknownError",
      "MessageOutputLengthError",
      "MessageAbortedError",
      "StructuredOutputError",
    ],
    ...["ContextOverflowError", "ContentFilterError", "APIError", "Error", "toString", "ProviderModelNotFoundError"],
  ],
  action: ["allow", "deny", "ask", "Allow", "always", "reject"],
};

/** Keys that no host knows, or that a host may treat in a special way. */
export const KEYS: readonly string[] = [
  "__proto__",
  "constructor",
  "toJSON",
  "toString",
  "length",
  "id",
  "sessionID",
  "messageID",
  "",
];

export const UNREADABLE: readonly ((text: string, at: number) => string | Buffer)[] = [
  (text) => `// comment\n${text}`,
  (text) => text.replace(/([}\]])$/, ",$1"),
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace(/:(\d)/, ":+$1"),
  (text) => text.replace(/:(\d)/, ":0$1"),
  (text) => text.replace(/:(\d)/, ":.$1"),
  (text) => text.replace(/:(true|false|null|\d+)/, ":NaN"),
  (text) => text.replace(/:(true|false|null|\d+)/, ":undefined"),
  (text) => text.replace(/":"/, '":"\n'),
  (text) => text.replace(/":"/, '":"\t'),
  (text) => text.replace(/":"/, '":"\\x41'),
  (text) => text.replace(/":"/, '":"\\u12'),
  (text) => text.replace(/":"/, '":"\\'),
  (text) => `\u00a0${text}`,
  (text) => `${text}\u00a0`,
  (text) => `${text}\u2028`,
  (text) => `\v${text}`,
  (text) => `${text}\f`,
  (text) => `${text};`,
  (text) => `(${text})`,
  (text) => `[${text}`,
  (text) => text.slice(0, -1),
  (text) => text.slice(1),
  (text) => `${text}${text.slice(-1)}`,
  (text) => `${text}\n${text.slice(0, 3)}`,
  (text) => text.replace(/,/, ",,"),
  (text) => text.replace(/:/, "="),
  (text) => text.replace(/"(\w+)":/, "$1:"),
  (text, at) => Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.alloc(512), Buffer.from(text.slice(at + 512))]),
  (text, at) => `${text.slice(0, at)}${text.slice(at + 1)}`,
  (text, at) => `${text.slice(0, at)}${text.slice(at, at + 9)}${text.slice(at)}`,
  // The next four texts are not UTF-8: an encoded surrogate, an overlong NUL, a byte that UTF-8 never uses, and a
  // cut-off character.
  (text) => insert(text, [0xed, 0xa0, 0x80]),
  (text) => insert(text, [0xc0, 0x80]),
  (text) => insert(text, [0xf5, 0x80, 0x80, 0x80]),
  (text) => insert(text, [0xe2, 0x80]),
  (text) => Buffer.from(text, "utf16le"),
  (text) => Buffer.concat([Buffer.from(text), Buffer.from([0])]),
  (text) => Buffer.concat([Buffer.from([0]), Buffer.from(text)]),
];

/** Changes to the text of a document that do not change any value. */
export const SAME: readonly ((text: string) => string)[] = [
  (text) => text.replace(/[{[,:]/, "$& \r\n\t"),
  (text) => `${" ".repeat(70_000)}${text}`,
  (text) => `${text}${"\n".repeat(70_000)}`,
  (text) => text.replaceAll("/", "\\/"),
  (text) =>
    text.replace(/[A-Za-z](?=[A-Za-z_-]*")/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`),
];

function insert(text: string, bytes: readonly number[]): Buffer {
  const at = text.indexOf('":"') + 3;
  return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(bytes), Buffer.from(text.slice(at))]);
}
