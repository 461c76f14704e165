/** The words of `.textlintrc.json`; in TypeScript only what people read. A path of its own can be named in no JSON file. */
const { join } = require("node:path");

const words = require("../.textlintrc.json");

module.exports = {
  ...words,
  plugins: {
    [join(__dirname, "words-in-code.cjs")]: true,
    "@textlint/text": { extensions: [".yml", ".json"] },
  },
};
