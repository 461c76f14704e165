/**
 * A plugin of textlint for TypeScript: of a file only what people read is looked at. These are its comments, and its texts of
 * more than one word (names of tests, sentences on a screen). Names in the code and single words are not.
 */
const { parse } = require("@textlint/text-to-ast");

/** Before these a slash begins a regular expression; elsewhere it divides. */
const BEFORE_EXPRESSION = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|of|in|await))\s*$/;

const TOKEN = {
  comment: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y,
  text: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y,
  expression: /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
};

/** The text with everything blank that is no comment and no sentence, at the same places. */
function readableParts(source) {
  const kept = [];
  readCode(source, 0, kept, "");
  let result = "";
  let end = 0;
  for (const [from, to] of kept) {
    result += blank(source.slice(end, from)) + source.slice(from, to);
    end = to;
  }
  return result + blank(source.slice(end));
}

/** Reads code up to `closing` (the end of a value in a template) or the end; answers where that is. */
function readCode(source, start, kept, closing) {
  let at = start;
  let depth = 0;
  while (at < source.length) {
    const sign = source[at];
    if (sign === "`") {
      at = readTemplate(source, at + 1, kept);
      continue;
    }
    const comment = matchAt(TOKEN.comment, source, at);
    const text = comment ?? matchAt(TOKEN.text, source, at);
    if (text !== null) {
      if (comment !== null || /\S\s+\S/.test(text)) kept.push([at, at + text.length]);
      at += text.length;
      continue;
    }
    const isExpression = sign === "/" && BEFORE_EXPRESSION.test(source.slice(Math.max(0, at - 40), at));
    at += (isExpression ? matchAt(TOKEN.expression, source, at)?.length : undefined) ?? 1;
    if (sign === "{") depth += 1;
    if (sign !== "}") continue;
    if (depth === 0 && closing === "}") return at;
    depth -= 1;
  }
  return at;
}

/** Reads a template behind its first backtick; what is between its values is text. */
function readTemplate(source, start, kept) {
  const parts = [];
  const inner = [];
  let from = start;
  let at = start;
  while (at < source.length && source[at] !== "`") {
    if (source[at] === "\\") at += 2;
    else if (source.startsWith("${", at)) {
      parts.push([from, at]);
      at = readCode(source, at + 2, inner, "}");
      from = at;
    } else at += 1;
  }
  parts.push([from, at]);
  const isSentence = /\S\s+\S/.test(parts.map(([begin, end]) => source.slice(begin, end)).join("x"));
  kept.push(...[...(isSentence ? parts : []), ...inner].sort(([a], [b]) => a - b));
  return at + 1;
}

function matchAt(pattern, source, at) {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? null;
}

function blank(text) {
  return text.replace(/[^\n]/g, " ");
}

class CodeProcessor {
  availableExtensions() {
    return [".ts"];
  }

  processor() {
    return {
      preProcess: (source) => {
        const text = readableParts(source);
        return { text, ast: parse(text) };
      },
      postProcess: (messages, filePath) => ({ messages, filePath: filePath ?? "<text>" }),
    };
  }
}

module.exports = { Processor: CodeProcessor };
