import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import {
  columnPath,
  folderBelow,
  folderKey,
  isAbsoluteFor,
  isFolderOf,
  mountInWSL,
  pathBelow,
  relativePath,
  signsOf,
  systemOfPath,
  systemOfStore,
  withoutLastSlash,
  writtenPath,
} from "../../plugin/hosts/folder-paths.ts";

describe("a path", () => {
  test.each([
    ["/home/me", "posix", true, true],
    ["C:/Users/me", "windows", false, true],
    ["C:\\Users\\me", "windows", false, true],
    ["c:\\", "windows", false, true],
    ["//server/share", "windows", true, true],
    ["\\\\server\\share", "windows", false, true],
    ["\\me", null, false, true],
    ["C:me", null, false, false],
    ["C:", null, false, false],
    ["me/app", null, false, false],
    ["http://localhost:3333/x", null, false, false],
    ["file:///C:/x", null, false, false],
    ["", null, false, false],
  ] as const)("%s is of %s", (path, system, onPosix, onWindows) => {
    expect(systemOfPath(path)).toBe(system);
    expect([isAbsoluteFor("posix", path), isAbsoluteFor("windows", path)]).toEqual([onPosix, onWindows]);
  });

  test("a folder is of one system; that of everything outside version control is nobody's", () => {
    expect([isFolderOf("windows", "/home/me"), isFolderOf("posix", "C:/me"), isFolderOf("posix", "/")]).toEqual([
      false,
      false,
      false,
    ]);
    expect([isFolderOf("windows", "C:\\me"), isFolderOf("posix", "/home/me")]).toEqual([true, true]);
  });

  test("two spellings of one folder are one on Windows, and two elsewhere", () => {
    const key = (path: string) => folderKey("windows", path);
    expect(new Set(["C:/Users/Me/App", "c:\\users\\me\\app", "C:\\Users\\Me\\App\\"].map(key)).size).toBe(1);
    expect(key("C:\\")).toBe(key("c:/"));
    expect(folderKey("posix", "/home/Me")).not.toBe(folderKey("posix", "/home/me"));
  });

  test("what lies below a folder, and between two", () => {
    expect(pathBelow("C:/Users/me/App/Src", "c:\\users\\ME")).toBe("App/Src");
    expect(pathBelow("C:/Users/me", "C:\\Users\\me")).toBe("");
    expect(pathBelow("C:/Users/menu", "C:\\Users\\me")).toBeNull();
    expect(pathBelow("D:/Users/me", "C:\\Users\\me")).toBeNull();
    expect(pathBelow("/home/me/app", "/home/ME")).toBeNull();
    expect(pathBelow("/home/me/app", "/")).toBe("home/me/app");
    expect(relativePath("windows", "C:/Users/me", "c:\\users\\me\\app\\src")).toBe("app/src");
    expect(relativePath("windows", "/", "C:/Users/me")).toBe("Users/me");
    expect(relativePath("posix", "/home/me", "/home/me/app")).toBe("app");
    expect(folderBelow("windows", "C:\\Users\\me", "app/src")).toBe("C:/Users/me/app/src");
    expect(folderBelow("windows", "C:/", "")).toBe("C:/");
    expect(folderBelow("posix", "/home/me", "")).toBe("/home/me");
    expect(mountInWSL("C:\\Users\\me")).toBe("/mnt/c/Users/me");
    expect(mountInWSL("//server/share")).toBeNull();
  });

  test("a folder is compared without the slash at its end, which a root keeps", () => {
    for (const [path, without] of [
      ["C:\\Users\\me\\", "C:\\Users\\me"],
      ["C:/Users/me//", "C:/Users/me"],
      ["C:/", "C:/"],
      ["C:\\", "C:\\"],
      ["//server/share/app/", "//server/share/app"],
      ["//server/share/", "//server/share/"],
      ["/home/me/", "/home/me"],
      ["/home/odd\\", "/home/odd\\"],
      ["/", "/"],
    ] as const) {
      expect(withoutLastSlash(path)).toBe(without);
    }
  });

  test("1.17 and newer keep folders of Windows with slashes, lines before as Windows writes them", () => {
    expect(writtenPath("windows", "C:\\me", { wantsAbsolutePaths: true })).toBe("C:/me");
    expect(writtenPath("windows", "C:/me", { wantsAbsolutePaths: false })).toBe("C:\\me");
    expect(writtenPath("posix", "/home/a\\b", { wantsAbsolutePaths: true })).toBe("/home/a\\b");
    expect(columnPath("app\\src", "C:\\me\\app\\src")).toBe("app/src");
    expect(columnPath("a\\b", "/home/me/a\\b")).toBe("a\\b");
  });
});

describe("the system of a store", () => {
  const [windows, posix] = ["C:/me", "/home/me"];

  test("with folders of one system it is that one, wherever it is looked at", () => {
    for (const here of ["windows", "posix"] as const) {
      expect(systemOfStore([signsOf([windows]), signsOf([windows, "/"])], here)).toBe("windows");
      expect(systemOfStore([signsOf([posix]), signsOf(["/", posix])], here)).toBe("posix");
      expect(systemOfStore([signsOf(["/", "http://x", ""])], here)).toBe(here);
    }
  });

  test("one path of Windows among those of Linux is damage, also where it is the newest", () => {
    expect(systemOfStore([signsOf([windows, posix]), signsOf([posix])], "posix")).toBe("posix");
    expect(systemOfStore([signsOf([posix, posix]), signsOf([windows])], "posix")).toBe("posix");
  });

  test("a store that both write (WSL) is of Windows where Windows wrote last, and on Windows", () => {
    expect(systemOfStore([signsOf([windows, posix]), signsOf([windows, posix])], "posix")).toBe("windows");
    expect(systemOfStore([signsOf([posix, windows]), signsOf([posix, windows])], "posix")).toBe("posix");
    expect(systemOfStore([signsOf([posix, windows]), signsOf([posix, windows])], "windows")).toBe("windows");
  });
});

/**
 * The first file contains the rule. The second file checks the path in OPENCODE_DB, which this process opens. The third
 * file checks words that a user types.
 */
const OTHERS = [
  "plugin/hosts/folder-paths.ts",
  "plugin/stores/locate.ts",
  "plugin/opencode/terminal-ui/typed-command.ts",
];

test("no rule anywhere decides by itself what an absolute folder is", async () => {
  const root = join(import.meta.dirname, "..", "..");
  const found: string[] = [];
  for await (const path of new Glob("plugin/**/*.ts").scan(root)) {
    const file = path.replaceAll("\\", "/");
    if (OTHERS.includes(file)) continue;
    const text = await readFile(join(root, path), "utf8");
    for (const rule of [
      /startsWith\(["'`]\/["'`]\)/,
      /\b(posix|win32|isAbsolute)\b[^\n]*from "node:path"/,
      /\bposix\.|\bwin32\./,
      /\[0\] === "\/"/,
    ]) {
      const match = rule.exec(text);
      if (match !== null) found.push(`${file}: ${match[0]}`);
    }
  }
  expect(found).toEqual([]);
});

/**
 * The first file decides where the home folder is. The second file asks whether a closed folder is inside the home
 * folder of this process. That is not a setting of opencode.
 */
const OF_HOME = ["plugin/stores/locate.ts", "plugin/platform/permissions.ts"];

test("no rule anywhere decides by itself where the user's home is", async () => {
  const root = join(import.meta.dirname, "..", "..");
  const found: string[] = [];
  for await (const path of new Glob("plugin/**/*.ts").scan(root)) {
    const file = path.replaceAll("\\", "/");
    if (
      !OF_HOME.includes(file) &&
      /env\.(HOME|USERPROFILE)\b|homedir\(/.test(await readFile(join(root, path), "utf8"))
    ) {
      found.push(file);
    }
  }
  expect(found).toEqual([]);
});
