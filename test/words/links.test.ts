import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** The documents in the package, according to `files` in package.json. */
function packagedDocuments(): string[] {
  const { files } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { files: string[] };
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((name) => `docs/${name}`);
  return ["README.md", ...docs.filter((name) => !files.includes(`!${name}`))];
}

/** The anchors that GitHub and npm make from the headings of a document. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

test("links and pictures of the packaged documents lead to absolute addresses, or to what is in the package", () => {
  const packaged = packagedDocuments();
  const broken: string[] = [];
  for (const name of packaged.filter((each) => each.endsWith(".md"))) {
    const text = readFileSync(join(ROOT, name), "utf8").replace(/```[\s\S]*?```/g, "");
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:\/\//.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? name : normalize(join(name, "..", file)).replaceAll("\\", "/");
      if (!packaged.includes(path) || !existsSync(join(ROOT, path)))
        broken.push(`${name}: ${target} is not in the package`);
      else if (anchor !== undefined && !anchorsOf(join(ROOT, path)).includes(anchor)) {
        broken.push(`${name}: ${target} has no such heading`);
      }
    }
  }
  expect(broken).toEqual([]);
});
