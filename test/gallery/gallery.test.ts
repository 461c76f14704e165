import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PICTURES, wordsIn } from "../../scripts/gallery/pictures.ts";
import { drawScreen, readScreen, reworded } from "../../scripts/gallery/screen.ts";
import { REPOSITORY } from "../package/packed.ts";

describe("a drawn screen", () => {
  const captured = "\u001b[1m\u001b[38;2;255;0;0mRed <b>\u001b[0m plain\u001b[48;2;1;2;3m  \u001b[49m\n\n  ┃ left █\n";

  test("says what the screen says, in its colours", () => {
    const drawn = drawScreen(readScreen(captured), "An example");
    expect(wordsIn(drawn)).toBe("Red <b> plain left");
    expect(drawn).toContain('fill="rgb(255,0,0)"');
    expect(drawn).toContain('font-weight="bold"');
    expect(drawn).toContain('fill="rgb(1,2,3)"');
    expect(drawn).toContain("<title>An example</title>");
  });

  test("draws one background once, and words with several spaces between them apart", () => {
    const drawn = drawScreen(readScreen("\u001b[48;2;1;2;3mone two  three\u001b[49m plain plain plain\n"), "");
    expect(drawn.match(/<rect x/g)).toHaveLength(1);
    expect([...drawn.matchAll(/>([^<>]+)<\/text>/g)].map(([, words]) => words)).toEqual([
      "one two",
      "three plain plain plain",
    ]);
  });

  test("keeps its columns when words change, and refuses words of another length", () => {
    const screen = reworded(readScreen(captured), (line) => line.replace("plain", "naked"));
    expect(wordsIn(drawScreen(screen, ""))).toBe("Red <b> naked left");
    expect(() => reworded(screen, (line) => `${line}!`)).toThrow("not as long");
  });
});

/** `npm run gallery` takes the pictures. These tests fail if the pictures no longer show what the program says. */
describe("the gallery of the README", () => {
  test.each(Object.entries(PICTURES))("%s", async (name, { description, words }) => {
    const drawn = await readFile(join(REPOSITORY, "docs", "gallery", `${name}.svg`), "utf8");
    const readme = await readFile(join(REPOSITORY, "README.md"), "utf8");
    expect(readme).toContain(`![${description}](docs/gallery/${name}.svg)`);
    for (const each of words) expect(wordsIn(drawn)).toContain(each);
    expect(drawn).not.toMatch(/\/tmp\/|\/home\/|\/root\//);
  });
});
