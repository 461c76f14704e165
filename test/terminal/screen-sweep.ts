/**
 * Compares what the terminal UI of a version and `check` say about seeded damages of parts and messages. Each damage
 * has its own case. Cases about which `check` says nothing are opened many at a time in one running UI. Cases that
 * `check` calls fatal are opened one by one.
 * `nice bun test/terminal/screen-sweep.ts --host 1.14.41 [--seed N] [--parts N] [--messages N] [--fatal N] [--repair]`
 */
import { parseArgs } from "node:util";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { bySession } from "../../plugin/repair/by-session.ts";
import type { HostVersion } from "../host/binary.ts";
import { startModelServer } from "../host/model-server.ts";
import { realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { HEALTHY_CALLS } from "../hosts/healthy-calls.ts";
import { damageTree } from "../oracle/document-damage.ts";
import { oddDocument } from "../oracle/odd-documents.ts";
import { Random } from "../oracle/random.ts";
import { type JsonObject, sampleMessage, samplePart } from "../records/samples.ts";
import { ScreenReader } from "./screen-reader.ts";
import { type SessionToShow, writeSessions } from "./shown-sessions.ts";

interface Case extends SessionToShow {
  readonly what: string;
}

const { values } = parseArgs({
  options: {
    host: { type: "string" },
    seed: { type: "string", default: "1" },
    parts: { type: "string", default: "400" },
    messages: { type: "string", default: "100" },
    /** How many fatal cases are opened at most. Each of them ends the UI. */
    fatal: { type: "string", default: "60" },
    /** How many parts about which `check` says nothing share a session. */
    together: { type: "string", default: "24" },
    /** Whether fatal cases are repaired and opened again. */
    repair: { type: "boolean" },
    verbose: { type: "boolean" },
  },
});
if (values.host === undefined) throw new Error("usage: screen-sweep.ts --host VERSION [--seed N]");
const version = values.host as HostVersion;
const random = new Random(Number(values.seed));

const IDS = { sessionID: "ses_1", messageID: "msg_1", partID: "prt_1" };
const TIME = { start: 1_790_000_000_000, end: 1_790_000_000_500 };
const STATUSES = ["pending", "running", "completed", "completed", "completed", "error"] as const;

function healthyPart(): JsonObject {
  if (random.chance(0.15)) return random.pick(samplePart(IDS));
  const [tool, input, metadata] = random.pick(HEALTHY_CALLS);
  const states = {
    pending: { status: "pending", input, raw: "" },
    running: { status: "running", input, title: "t", metadata, time: { start: TIME.start } },
    completed: { status: "completed", input, output: "out", title: "t", metadata, time: TIME },
    error: { status: "error", input, error: "it failed", metadata, time: TIME },
  };
  return { type: "tool", callID: "call_1", tool, state: states[random.pick(STATUSES)] } as JsonObject;
}

/** A healthy document with one damage or several damages. */
function damaged(document: JsonObject): { readonly what: string; readonly text: string } {
  const others = () => [...samplePart(IDS), ...sampleMessage(IDS), healthyPart(), healthyPart()];
  const { what, bytes } = random.chance(0.5) ? damageTree(document, random) : oddDocument(document, others(), random);
  return { what: `${String(document.type ?? document.role)}: ${what}`, text: bytes.toString() };
}

/** Makes a case with a damaged part. About every fifth part is in a question. */
function partCase(index: number): Case {
  const isInAnswer = !random.chance(0.2);
  const ofQuestion = samplePart(IDS).filter(({ type }) =>
    ["text", "file", "agent", "compaction", "subtask"].includes(String(type)),
  );
  const { what, text } = damaged(isInAnswer ? healthyPart() : random.pick(ofQuestion));
  const own = JSON.stringify({ type: "text", text: "Words of the user." });
  const parts = isInAnswer || random.chance(0.3) ? [text] : random.chance(0.5) ? [text, own] : [own, text];
  const turns = [{ message: null, isInAnswer, parts }];
  return { id: `p${index}`, turns, what: `${isInAnswer ? "" : `in a question of ${parts.length}, `}${what}: ${text}` };
}

function messageCase(index: number): Case {
  const [user, ...others] = sampleMessage(IDS).slice(2);
  const answers = others.filter(({ role }) => role === "assistant");
  const all = Array.from({ length: 1 + random.below(6) }, () => random.pick([...answers, user as JsonObject]));
  const done: string[] = [];
  const messages = all.map((each, at) => {
    const isUser = each.role === "user";
    const time = !isUser && random.chance(0.2) ? { created: TIME.start } : each.time;
    const finish = isUser ? undefined : random.pick(["stop", "tool-calls", "unknown", ""]) || undefined;
    // Removes fields that the screen does not read, so that the damage hits a field that the screen reads.
    const { summary: _, structured: _of, variant: _own, ...plain } = each;
    const whole = { ...plain, time, finish } as JsonObject;
    if (random.chance(0.5)) return JSON.stringify(whole);
    const { what, text } = damaged(whole);
    done.push(`${at} ${what}`);
    return text;
  });
  const turns = messages.map((message) => ({ message, isInAnswer: true, parts: [] }));
  return { id: `m${index}`, turns, what: `${done.join(", ")}: ${messages.join("  ")}` };
}

const model = startModelServer();
const store = await realStore(version);
const reader = new ScreenReader(store, model);
let disagreements = 0;
const counts = { blocking: 0, fatal: 0, silent: 0, shown: 0, ended: 0, repaired: 0 };
try {
  const cases = [
    ...Array.from({ length: Number(values.parts) }, (_, index) => partCase(index)),
    ...Array.from({ length: Number(values.messages) }, (_, index) => messageCase(index)),
  ];
  const ids = writeSessions(store, cases);
  const tool = await toolFor(store.dataDir);
  const { findings } = await tool.check();
  const found = bySession(findings, ({ sessionID }) => sessionID);
  const said = (one: Case): readonly ConfirmedFinding[] => found.get(ids.get(one.id) ?? "") ?? [];
  const loads = cases.filter((one) => said(one).every(({ severity }) => severity !== "blocking"));
  const isFatal = (one: Case) => said(one).some(({ code }) => code === "screen-fatal");
  counts.blocking = cases.length - loads.length;
  const silent = loads.filter((one) => !isFatal(one));
  const fatal = loads.filter(isFatal);
  counts.silent = silent.length;
  counts.fatal = fatal.length;
  const groups: { session: SessionToShow; of: readonly Case[] }[] = [];
  const isPart = ({ id }: Case) => id.startsWith("p");
  const parts = silent.filter(isPart);
  for (let at = 0; at < parts.length; at += Number(values.together)) {
    const of = parts.slice(at, at + Number(values.together));
    groups.push({ of, session: { id: `g${at}`, turns: of.flatMap(({ turns }) => turns) } });
  }
  for (const [id, sessionID] of writeSessions(
    store,
    groups.map(({ session }) => session),
  ))
    ids.set(id, sessionID);
  const open = (id: string) => reader.open(ids.get(id) ?? "", id);
  const ask = async (one: Case) => {
    const isEnd = (await open(one.id)) !== "shown";
    counts[isEnd ? "ended" : "shown"] += 1;
    const agrees = isEnd === isFatal(one);
    if (!agrees) disagreements += 1;
    const evidence = said(one).map(({ evidence }) => evidence.split(";")[0]);
    if (!agrees || values.verbose) {
      const words = `screen ${isEnd ? reader.lastWords() : "shown"}, check ${evidence.join(", ") || "nothing"}`;
      process.stdout.write(`${agrees ? "  " : "! "}${one.id} ${words}: ${one.what.slice(0, 3000)}\n`);
    }
  };
  for (const { session, of } of groups) {
    if ((await open(session.id)) === "shown") counts.shown += of.length;
    else for (const one of of) await ask(one);
  }
  for (const one of silent.filter((one) => !isPart(one))) await ask(one);
  // The chosen cases are spread over the whole list, so that it includes both parts and messages.
  const step = Math.max(1, Math.ceil(fatal.length / Number(values.fatal)));
  const chosen = fatal.filter((_, index) => index % step === 0);
  for (const one of chosen) await ask(one);
  if (values.repair) {
    reader.close();
    const { items } = await tool.repair(["screen-fatal"]);
    for (const one of chosen) {
      if ((await open(one.id)) === "shown") counts.repaired += 1;
      else {
        disagreements += 1;
        process.stdout.write(`! ${one.id} after the repair ${reader.lastWords()}: ${one.what.slice(0, 3000)}\n`);
      }
    }
    process.stdout.write(
      `${items.length} records repaired, ${counts.repaired} of ${chosen.length} sessions shown then\n`,
    );
  }
} finally {
  reader.close();
  await model.stop();
  await store.home.remove();
}
process.stdout.write(
  `${version} seed ${values.seed}: ${counts.blocking} blocking, check names ${counts.fatal} fatal, nothing of ${counts.silent}; opened: ${counts.shown} shown, ${counts.ended} ended the screen; ${disagreements} disagreements\n`,
);
process.exit(disagreements === 0 ? 0 : 1);
