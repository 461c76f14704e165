import { basename, join } from "node:path";
import { parseDocument, textIn } from "../conversation.ts";
import type { SessionCopy } from "../store.ts";
import { isPlainID, listRecordFiles, STORAGE, sessionFolder } from "./layout.ts";
import type { RecordTree } from "./record-tree.ts";

/** A session's record takes a few hundred bytes. A larger file is not read. */
const LARGEST_COPY_BYTES = 4 * 1024 * 1024;

/**
 * Finds copies of the records of these sessions in the folders in which opencode keeps the records of sessions. A copy
 * may have any name and may be in any subfolder. But a file that is directly in such a folder and is named after a
 * session (`ses_….json`) is never taken for a copy.
 */
export async function sessionCopies(tree: RecordTree, sessionIDs: ReadonlySet<string>): Promise<SessionCopy[]> {
  const found: SessionCopy[] = [];
  const folders = await tree.projectFolders();
  const recorded = (await tree.filesIn(`${STORAGE}/project`)).map((path) => basename(path, ".json"));
  const projects = new Set([...folders, ...recorded]);
  for (const each of folders) {
    const folder = sessionFolder(each);
    for (const { name } of (await listRecordFiles(tree.files, tree.dataDir, folder).catch(() => null)) ?? []) {
      if (isOwnRecord(name)) continue;
      const path = join(tree.dataDir, folder, name);
      const stat = await tree.files.stat(path);
      const bytes = await tree.files.read(path, LARGEST_COPY_BYTES).catch(() => null);
      if (stat === null || bytes === null || typeof bytes === "string") continue;
      const parsed = parseDocument({ bytes, storage: "file" });
      const sessionID = parsed.ok ? textIn(parsed.value, "id") : null;
      if (!parsed.ok || sessionID === null || !sessionIDs.has(sessionID) || !isPlainID(sessionID)) continue;
      const { value } = parsed;
      // opencode keeps a session's record in the folder of the project that the record names. Somebody may have put the
      // copy into another folder.
      const projectID = textIn(value, "projectID");
      if (projectID === null || !projects.has(projectID) || !isPlainID(projectID)) continue;
      const locator = { path: `${sessionFolder(projectID)}/${sessionID}.json` };
      found.push({ sessionID, locator, value, bytes, writtenMs: stat.mtimeMs });
    }
  }
  return found;
}

/** Whether a file directly in the folder has the name of a session's own record. */
function isOwnRecord(name: string): boolean {
  return /^ses_[A-Za-z0-9]+\.json$/.test(basename(name)) && !name.includes("/");
}
