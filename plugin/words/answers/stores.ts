import { join, sep } from "node:path";
import type { CheckedStore } from "../../repair/check-input.ts";
import { STORAGE } from "../../stores/json/layout.ts";
import { homeIn, type Located } from "../../stores/locate.ts";
import { GENERATION_WORDS } from "../origins.ts";
import { inOnePiece } from "../text-layout.ts";

/** The stores that a command reads: `Store: ~/.local/share/opencode/opencode.db (SQLite)`. */
export function storeLine({ databases, json, dataDir }: Located): string {
  return line([
    ...databases.map((database) => `${shortened(database)} (${GENERATION_WORDS.sqlite})`),
    ...(json === "records" ? [`${shortened(join(dataDir, STORAGE))} (${GENERATION_WORDS.json})`] : []),
    ...(databases.length === 0 && json !== "records" ? [`${shortened(dataDir)} (no store is left)`] : []),
  ]);
}

/** The first line after a check: the stores that were read, with the opencode that wrote their newest session. */
export function checkedStoreLine(stores: readonly CheckedStore[]): string {
  return line(
    stores.map(({ description: { generation, database, dataDir, hostVersion } }) => {
      const kind = GENERATION_WORDS[generation];
      const version = hostVersion === null ? "" : `, opencode ${hostVersion}`;
      return `${shortened(database ?? join(dataDir, STORAGE))} (${kind}${version})`;
    }),
  );
}

function line(stores: readonly string[]): string {
  return `${stores.length === 1 ? "Store" : "Stores"}: ${stores.join(", ")}`;
}

/** A path with `~` in place of the user's home folder. */
function shortened(path: string): string {
  const home = homeIn(process.env);
  return inOnePiece(home.length > 1 && path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path);
}
