import { openStores } from "../stores/open.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { profileFor, unreadTables } from "../stores/sqlite/profile-2x.ts";
import { originsSentence } from "../words/origins.ts";
import type { Command } from "./arguments.ts";
import type { CommandContext } from "./context.ts";

/**
 * Prints a line on stderr about each database that does not belong to opencode 1.x alone, before a command does its
 * work.
 */
export async function noteOrigins({ files, located, terminal }: CommandContext, command: Command): Promise<void> {
  if (located.databases.length === 0) return;
  const opened = await openStores(files, { ...located, json: "none" }, "outside");
  try {
    const known = opened.map((store) => {
      const isRead = store.state === "ok" && store.origin !== null;
      const origin = isRead ? withMessagesOf2x(store.origin, store.sessionsOf2x()) : store.origin;
      // Only `rescue` does not read sessions of 2.x. The other commands name the tables of 2.x that they cannot read.
      if (command.name === "rescue" || store.state === "unusable" || origin === null) return { origin };
      const schema = store.half2x?.schema;
      const profile = schema === undefined ? null : profileFor(origin, schema);
      if (schema === undefined || profile === null) return { origin };
      return { origin, of2x: { unread: unreadTables(profile, schema) } };
    });
    const sentence = originsSentence(known);
    if (sentence !== null) terminal.say(sentence);
  } finally {
    for (const store of opened) if (store.state === "ok") store.store.close();
  }
}
