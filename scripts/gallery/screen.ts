/** The style of a character on the screen. Colours are CSS colours; `null` means the terminal's own colour. */
interface Style {
  readonly foreground: string | null;
  readonly background: string | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
}

interface Cell {
  readonly character: string;
  readonly style: Style;
}

/** The characters on a terminal, row by row. */
export type Screen = readonly (readonly Cell[])[];

const PLAIN: Style = {
  foreground: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
};

const ESCAPE = "\u001b[";

/** Reads a screen that tmux has captured with escape sequences (`capture-pane -p -e`). */
export function readScreen(captured: string): Screen {
  let style = PLAIN;
  return captured
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const cells: Cell[] = [];
      for (let at = 0; at < line.length; ) {
        if (line.startsWith(ESCAPE, at)) {
          const end = line.indexOf("m", at);
          style = styled(style, line.slice(at + ESCAPE.length, end));
          at = end + 1;
        } else {
          const character = String.fromCodePoint(line.codePointAt(at) ?? 0);
          cells.push({ character, style });
          at += character.length;
        }
      }
      return cells;
    });
}

/** The same screen, with some words replaced by words of the same length. */
export function reworded(screen: Screen, reword: (line: string) => string): Screen {
  return screen.map((cells) => {
    const line = cells.map(({ character }) => character).join("");
    const changed = [...reword(line)];
    if (changed.length !== cells.length) throw new Error(`not as long as before: ${changed.join("")}`);
    return cells.map((cell, index) => ({ ...cell, character: changed[index] ?? " " }));
  });
}

function styled(style: Style, sequence: string): Style {
  const codes = sequence === "" ? [0] : sequence.split(";").map(Number);
  let next = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const [kind, red, green, blue] = codes.slice(at + 1);
      if (kind !== 2) throw new Error(`a colour of a palette: ${sequence}`);
      const colour = `rgb(${red},${green},${blue})`;
      next = code === 38 ? { ...next, foreground: colour } : { ...next, background: colour };
      at += 4;
    } else {
      next = simplyStyled(next, code);
    }
  }
  return next;
}

function simplyStyled(style: Style, code: number): Style {
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...style, isBold: true };
    case 2:
      return { ...style, isDim: true };
    case 3:
      return { ...style, isItalic: true };
    case 4:
      return { ...style, isUnderlined: true };
    case 7:
      return { ...style, foreground: style.background, background: style.foreground };
    case 39:
      return { ...style, foreground: null };
    case 49:
      return { ...style, background: null };
    default:
      return style;
  }
}

const CELL = { width: 8.4, height: 18 } as const;
const MARGIN = 12;
const BASELINE = 13;
const DEFAULTS = { foreground: "rgb(238,238,238)", background: "rgb(10,10,10)" } as const;

/**
 * Characters that are drawn as rectangles, not as letters. The numbers say which part of the cell the rectangle fills,
 * in fractions of the cell.
 */
const SHAPES: Readonly<Record<string, readonly [x: number, y: number, width: number, height: number]>> = {
  "█": [0, 0, 1, 1],
  "▀": [0, 0, 1, 0.5],
  "▄": [0, 0.5, 1, 0.5],
  "▌": [0, 0, 0.5, 1],
  "▐": [0.5, 0, 0.5, 1],
  "┃": [0.4, 0, 0.2, 1],
  "╹": [0.4, 0, 0.2, 0.5],
  "╻": [0.4, 0.5, 0.2, 0.5],
};

/** Draws a screen as SVG. `title` describes the picture for readers who cannot see it. */
export function drawScreen(screen: Screen, title: string): string {
  const columns = Math.max(...screen.map((cells) => cells.length));
  const [width, height] = [rounded(columns * CELL.width) + 2 * MARGIN, screen.length * CELL.height + 2 * MARGIN];
  const frame = frameColour(screen);
  const backgrounds = joined(screen.flatMap(backgroundsOf)).filter(({ fill }) => fill !== frame);
  const rows = screen.map((cells, row) =>
    runsOf(cells)
      .map((run) => drawText(run, row))
      .join(""),
  );
  const drawn = [backgrounds.map(rectangle).join(""), ...rows].filter((each) => each !== "");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="${frame}"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve" shape-rendering="crispEdges">
${drawn.join("\n")}
</g>
</svg>
`;
}

/** A rectangle of one colour. The numbers are columns and rows of the screen. */
interface Area {
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
  readonly fill: string;
}

/** The backgrounds of a row. Neighbouring cells of one colour are one area. */
function backgroundsOf(cells: readonly Cell[], row: number): readonly Area[] {
  const areas: Area[] = [];
  for (const [column, { style }] of cells.entries()) {
    const last = areas.at(-1);
    const fill = style.background;
    if (fill === null) continue;
    const joins = last?.fill === fill && last.column + last.width === column;
    if (joins) areas[areas.length - 1] = { ...last, width: last.width + 1 };
    else areas.push({ column, row, width: 1, height: 1, fill });
  }
  return areas;
}

/** Joins areas of one colour that are directly below each other and have the same column and width. */
function joined(areas: readonly Area[]): readonly Area[] {
  const open = new Map<string, Area>();
  const done: Area[] = [];
  for (const area of areas) {
    const key = `${area.column} ${area.width} ${area.fill}`;
    const above = open.get(key);
    if (above !== undefined && above.row + above.height === area.row) {
      open.set(key, { ...above, height: above.height + 1 });
    } else {
      if (above !== undefined) done.push(above);
      open.set(key, area);
    }
  }
  return [...done, ...open.values()];
}

interface Run {
  readonly column: number;
  text: string;
  readonly style: Style;
}

/**
 * Joins neighbouring characters of the same style into one text. A single space joins any style without an underline,
 * because only the background of a space is visible. Rectangles, and spaces that follow a space, are always drawn
 * separately. SVG would show several spaces as one.
 */
function runsOf(cells: readonly Cell[]): readonly Run[] {
  const runs: Run[] = [];
  for (const [column, { character, style }] of cells.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && isJoined(last, character, style)) last.text += character;
    else runs.push({ column, text: character, style });
  }
  return runs;
}

function isJoined({ text, style }: Run, character: string, next: Style): boolean {
  if (isShape(character) || isShape(text)) return false;
  if (character !== " ") return sameStyle(style, next);
  return !(text.endsWith(" ") || style.isUnderlined || next.isUnderlined);
}

/** Whether two characters have the same style, apart from the background. */
function sameStyle(one: Style, other: Style): boolean {
  const seen = (Object.keys(PLAIN) as (keyof Style)[]).filter((key) => key !== "background");
  return seen.every((key) => one[key] === other[key]);
}

function isShape(text: string): boolean {
  return text in SHAPES;
}

function drawText({ column, text, style }: Run, row: number): string {
  const fill = style.foreground ?? DEFAULTS.foreground;
  const shape = SHAPES[text];
  if (shape !== undefined) {
    const [x, y, width, height] = shape;
    return rectangle({ column: column + x, row: row + y, width, height, fill });
  }
  const words = text.trimEnd();
  const start = words.length - words.trimStart().length;
  if (words.trim() === "") return "";
  const x = MARGIN + (column + start) * CELL.width;
  const attributes = [
    `x="${rounded(x)}" y="${MARGIN + row * CELL.height + BASELINE}" fill="${fill}"`,
    // The width of the text is fixed, so that columns stay aligned in any font.
    `textLength="${rounded([...words.trim()].length * CELL.width)}"`,
    ...(style.isBold ? ['font-weight="bold"'] : []),
    ...(style.isItalic ? ['font-style="italic"'] : []),
    ...(style.isUnderlined ? ['text-decoration="underline"'] : []),
    ...(style.isDim ? ['opacity="0.6"'] : []),
  ];
  return `<text ${attributes.join(" ")}>${escaped(words.trim())}</text>`;
}

function rectangle({ column, row, width, height, fill }: Area): string {
  const place = `x="${rounded(MARGIN + column * CELL.width)}" y="${rounded(MARGIN + row * CELL.height)}"`;
  return `<rect ${place} width="${rounded(width * CELL.width)}" height="${rounded(height * CELL.height)}" fill="${fill}"/>`;
}

/** The background colour that fills most of the screen. The frame gets this colour too. */
function frameColour(screen: Screen): string {
  const counts = new Map<string, number>();
  for (const { style } of screen.flat()) {
    const colour = style.background ?? DEFAULTS.background;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0] ?? DEFAULTS.background;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
