/**
 * Which folder may import which. `npm run check` fails on a rule that is broken, and there is no list of exceptions.
 * Type-only imports count: a layer that knows a type of a layer above it depends on it.
 */

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "model-imports-nothing",
      comment: "The model is plain values. It knows no other folder and no module of Node.",
      severity: "error",
      from: { path: "^plugin/model/" },
      to: { pathNot: "^plugin/model/" },
    },
    {
      name: "platform-is-the-floor",
      comment: "The port to the operating system knows nothing but the model.",
      severity: "error",
      from: { path: "^plugin/platform/" },
      to: { path: "^plugin/", pathNot: "^plugin/(model|platform)/" },
    },
    {
      name: "words-know-only-values",
      comment:
        "The pieces of a sentence (amounts, times, what was done, refusals) are made of plain values, so every layer may use them.",
      severity: "error",
      from: { path: "^plugin/words/[^/]+$" },
      to: { path: "^plugin/", pathNot: "^plugin/(model/|words/[^/]+$)" },
    },
    {
      name: "answers-only-say",
      comment: "An answer is the sentences about a result. It makes no result: it reads no file and opens no store.",
      severity: "error",
      from: { path: "^plugin/words/answers/" },
      to: { path: "^plugin/(platform|quarantine|configuration|doctor)/|^plugin/stores/(open|nearby)[.]ts$" },
    },
    {
      name: "answers-are-for-front-ends",
      comment: "Only a front end says whole answers. What is below it hands over values.",
      severity: "error",
      from: { path: "^plugin/", pathNot: "^plugin/(command-line|opencode|words/answers)/" },
      to: { path: "^plugin/words/answers/" },
    },
    {
      name: "judging-knows-no-store",
      comment: "Records and faults judge values. Where these are stored is no concern of theirs.",
      severity: "error",
      from: { path: "^plugin/(records|faults)/" },
      to: { path: "^plugin/stores/" },
    },
    {
      name: "stores-know-places-and-bytes",
      comment: "Stores know no fault, no quarantine and no salvage.",
      severity: "error",
      from: { path: "^plugin/stores/" },
      to: { path: "^plugin/(faults|quarantine|salvage)/" },
    },
    {
      name: "remedies-apart",
      comment: "One remedy does not know the other. Repair chooses between them.",
      severity: "error",
      from: { path: "^plugin/remedies/([^/]+)/" },
      to: { path: "^plugin/remedies/", pathNot: "^plugin/remedies/$1/" },
    },
    {
      name: "repair-without-salvage",
      comment: "A new database is made where a user asks for it. Repair does not.",
      severity: "error",
      from: { path: "^plugin/repair/" },
      to: { path: "^plugin/salvage/" },
    },
    {
      name: "salvage-and-rescue-apart",
      comment: "Salvage makes a new database, rescue lists sessions again. What both need is below both.",
      severity: "error",
      from: { path: "^plugin/(salvage|rescue)/" },
      to: { path: "^plugin/(salvage|rescue)/", pathNot: "^plugin/$1/" },
    },
    {
      name: "one-port-to-the-system",
      comment: "Files and processes are reached through plugin/platform/ alone.",
      severity: "error",
      from: { path: "^plugin/", pathNot: "^plugin/platform/" },
      to: { path: "^(fs|fs/promises|child_process)$|(^|/)fs-extra" },
    },
    {
      name: "front-ends-apart",
      comment: "The command line and the plugin of opencode do not know each other.",
      severity: "error",
      from: { path: "^plugin/(command-line|opencode)/" },
      to: { path: "^plugin/(command-line|opencode)/", pathNot: "^plugin/$1/" },
    },
    {
      name: "nothing-knows-a-front-end",
      comment: "Front ends are at the top: only a door imports one.",
      severity: "error",
      from: { path: "^plugin/[^/]+/", pathNot: "^plugin/(command-line|opencode)/" },
      to: { path: "^plugin/(command-line|opencode)/" },
    },
    {
      name: "no-circles",
      comment: "Imports go down only.",
      severity: "error",
      from: { path: "^plugin/" },
      to: { circular: true },
    },
    {
      name: "nothing-unresolved",
      comment: "A module that is not found is not checked.",
      severity: "error",
      from: { path: "^plugin/" },
      to: { couldNotResolve: true, pathNot: "^bun:" },
    },
  ],
  options: {
    // TypeScript 7 has no interface for JavaScript any more, so swc reads the imports.
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types"] },
  },
};
