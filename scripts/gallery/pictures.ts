/** One picture in the gallery of the README. */
interface Picture {
  /** What the picture shows, for readers who cannot see it. */
  readonly description: string;
  /** Words that must be on the screen. */
  readonly words: readonly string[];
}

/** The pictures of the gallery. The keys are the names of the files in `docs/gallery/`. */
export const PICTURES = {
  before: {
    description: "opencode shows a damaged session: an empty screen without an error message",
    words: ["Speed up the feed parser", "0 tokens"],
  },
  toast: {
    description: "A message at the start: what was done with 2 damaged records, and how to undo it",
    words: ["2 damaged records of 2 sessions", "Nothing was deleted. To undo: /repair undo."],
  },
  after: {
    description: "The same session opens again: only the damaged record is missing",
    words: ["Why is the feed parser slow?", "Done: the pattern is compiled once."],
  },
  dialog: {
    description: "The dialog of /repair: 2 records that opencode cannot load, by session and cause",
    words: ["Session repair: 2 records that opencode cannot load"],
  },
  result: {
    description: "The result: what was done, where the originals are, and how to undo it",
    words: ["The originals are in quarantine/", "To undo: /repair"],
  },
  undo: {
    description: "The question before an undo: the records will be restored byte for byte to their places",
    words: ["Undo this run?", "2 records will return where they were, byte for byte."],
  },
} as const satisfies Readonly<Record<string, Picture>>;

export type PictureName = keyof typeof PICTURES;

/** The words on a drawn screen, with the lines of a dialog joined. */
export function wordsIn(drawn: string): string {
  const texts = [...drawn.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text = ""]) => text);
  return unescaped(texts.join(" ")).replaceAll(/\s+/g, " ");
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
