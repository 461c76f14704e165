type Fields = Readonly<Record<string, unknown>>;

export const ASKED = { questions: [{ question: "Which?", header: "H", options: [{ label: "Yes", description: "" }] }] };
export const EDITED = { filePath: "/p/a.txt", oldString: "a", newString: "b" };
export const SHOWN_TODO = { todos: [{ id: "1", content: "x", status: "pending" }] };
const PATCHED = { filePath: "/p/a", relativePath: "a", type: "update", diff: "", additions: 1, deletions: 0 };

/** Tool calls as hosts of 1.0 to 1.18 write them. */
export const HEALTHY_CALLS: readonly (readonly [tool: string, input: Fields, metadata: Fields])[] = [
  [
    "bash",
    { command: "ls", description: "Lists", timeout: 5000, workdir: "/p/src" },
    { output: "a\n", exit: 0, description: "Lists" },
  ],
  ["glob", { pattern: "**/*.ts", path: "src" }, { count: 3, truncated: false }],
  ["grep", { pattern: "x", path: "src", include: "*.ts" }, { matches: 0, truncated: false }],
  ["list", { path: "src", ignore: ["a"] }, { count: 2, truncated: true }],
  [
    "read",
    { filePath: "/p/a.txt", offset: 10, limit: 20 },
    { preview: "x", truncated: false, loaded: ["/p/AGENTS.md"] },
  ],
  ["write", { filePath: "/p/a.txt", content: "x" }, { diagnostics: {}, filepath: "/p/a.txt", exists: true }],
  [
    "edit",
    { ...EDITED, replaceAll: true },
    {
      diff: "--- a",
      filediff: { additions: 1 },
      diagnostics: {
        "/p/a.txt": [{ severity: 1, message: "m", range: { start: { line: 0, character: 0 } } }, { severity: 2 }],
      },
    },
  ],
  ["webfetch", { url: "https://example.org", format: "markdown", timeout: 3 }, {}],
  ["codesearch", { query: "q", tokensNum: 5000 }, {}],
  ["websearch", { query: "q", numResults: 8 }, {}],
  [
    "task",
    { description: "d", prompt: "p", subagent_type: "general" },
    {
      sessionId: "ses_1",
      model: { modelID: "m" },
      summary: [{ id: "prt_1", tool: "read", state: { status: "completed", title: "a" } }],
    },
  ],
  [
    "apply_patch",
    { patchText: "*** Begin" },
    { files: [PATCHED, { ...PATCHED, type: "move", movePath: "/p/b" }], diff: "", diagnostics: {} },
  ],
  ["todowrite", SHOWN_TODO, SHOWN_TODO],
  ["todoread", {}, SHOWN_TODO],
  ["question", ASKED, { answers: [["Yes"]] }],
  ["skill", { name: "review" }, { name: "review", dir: "/p" }],
  ["lsp", { operation: "hover", filePath: "a", line: 5, character: 1 }, { result: [{ contents: {} }] }],
  ["batch", { tool_calls: [{ tool: "read", parameters: { filePath: 5 } }] }, { details: [] }],
  ["invalid", { tool: "x", error: "y" }, {}],
];
