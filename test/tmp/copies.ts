import { cp, mkdir, rm, readFile, writeFile, rename } from "node:fs/promises";
import { join, dirname, basename } from "node:path";
import { startHost } from "../host/running-host.ts";
import { realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
const version = (process.argv[2] ?? "1.1.65") as "1.1.65";
const store = await realStore(version);
const { id, messages } = store.sessions.conversation;
const [question, answer] = messages; const part = answer!.parts[0]!;
const host = await startHost({ home: store.home });
const P = { s: join(store.dataDir, "storage/session", store.projectID, id), m: join(store.dataDir, "storage/message", id, question!.id), p: join(store.dataDir, "storage/part", answer!.id, part.id) };
const ask = async () => {
  const list = await host.get("/session"); const one = await host.get(`/session/${id}/message`);
  const l = Array.isArray(list.body) ? (list.body as any[]).filter((x) => x.id === id).length : "?";
  const m = Array.isArray(one.body) ? (one.body as any[]) : null;
  return `list ${list.status} x${l}; messages ${one.status} ${m?.length} parts ${m?.map((x) => x.parts.length)}`;
};
console.log("healthy", await ask());
const names = process.argv.slice(3).length ? process.argv.slice(3) : ["Copy of ID.json", "ID_BACKUP_1234.json", "ID_old.json", "ID2.json", "ID - Copy.json", "ID.json~", "#ID.json#", "~ID.json", "ID.conflict1.json", "~syncthing~ID.json.tmp", ".ID.json.swp", "ID.json.conflict1", "ID 2", "folder/ID.json", "Icon\r", "desktop.ini", "ID_copy.json", "ID (1).json"];
for (const name of names) for (const [k, place] of Object.entries(P)) {
  const path = join(dirname(place), name.replace("ID", basename(place)));
  await mkdir(dirname(path), { recursive: true });
  if (name === "ID 2") await cp(dirname(place), `${dirname(place)} 2`, { recursive: true });
  else await cp(`${place}.json`, path, { preserveTimestamps: true });
  const h = await ask();
  const tool = await toolFor(store.dataDir);
  const { findings } = await tool.check();
  const said = findings.filter((f) => !["unfinished-turn"].includes(f.code)).map((f) => `${f.severity} ${f.code} ${f.remedy} [${f.evidence}]`);
  console.log(`${k} ${name}: ${h} | ${said.join("; ") || "nothing"}`);
  if (name === "ID 2") await rm(`${dirname(place)} 2`, { recursive: true });
  else if (name.startsWith("folder/")) await rm(dirname(path), { recursive: true }); else await rm(path);
}
await host.stop(); await store.home.remove();
