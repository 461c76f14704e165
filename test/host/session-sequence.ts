import { expect } from "bun:test";
import type { Random } from "../oracle/random.ts";
import type { ModelServer } from "./model-server.ts";
import type { RunningHost } from "./running-host.ts";

interface Wire {
  readonly info: { readonly id: string; readonly role: string };
  readonly parts: readonly { readonly id: string }[];
}

/**
 * Makes changes to sessions, as users do. The seed decides their order. `gone` contains all ids that are deleted at the
 * end.
 */
export class Sequence {
  readonly #host: RunningHost;
  readonly #model: ModelServer;
  readonly #random: Random;
  readonly sessions: string[] = [];
  readonly gone = new Set<string>();

  constructor(host: RunningHost, model: ModelServer, random: Random) {
    this.#host = host;
    this.#model = model;
    this.#random = random;
  }

  async run(operations: number): Promise<void> {
    await this.prompt(await this.create());
    for (let count = 0; count < operations; count += 1) {
      const [first] = this.sessions;
      const id = this.#random.pick(this.sessions) ?? first;
      if (id === undefined) await this.prompt(await this.create());
      else await this.#random.pick(this.#operations(id))?.();
    }
    // Each of these changes happens at least once, for any seed.
    const last = await this.create();
    await this.prompt(last);
    await this.prompt(last);
    await this.deletePart(last);
    await this.revert(last);
    const other = await this.fork(last);
    await this.deleteMessage(other);
    await this.delete(await this.fork(last));
  }

  #operations(id: string): (() => Promise<unknown>)[] {
    return [
      () => this.prompt(id),
      () => this.prompt(id),
      () => this.deletePart(id),
      () => this.deleteMessage(id),
      () => this.revert(id),
      () => this.fork(id),
      () => this.delete(id),
    ];
  }

  async create(parentID?: string): Promise<string> {
    const id = ((await this.#host.post("/session", { title: "A session", parentID })).body as { id: string }).id;
    this.sessions.push(id);
    return id;
  }

  async prompt(id: string): Promise<void> {
    this.#model.script(
      { tool: "bash", input: { command: "echo hello", description: "Says hello" } },
      { text: "Said." },
    );
    const model_ = { providerID: "loopback", modelID: "scripted" };
    const parts = [{ type: "text", text: "Say hello" }];
    expect((await this.#host.post(`/session/${id}/message`, { model: model_, parts })).status).toBe(200);
  }

  async deletePart(id: string): Promise<void> {
    const message = this.#random.pick((await messagesOf(this.#host, id)).filter(({ parts }) => parts.length > 0));
    const part = message === undefined ? undefined : this.#random.pick(message.parts);
    if (message === undefined || part === undefined) return;
    await this.#host.request("DELETE", `/session/${id}/message/${message.info.id}/part/${part.id}`);
    await this.#note(id, [message]);
  }

  async deleteMessage(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    const message = this.#random.pick(before);
    if (message === undefined) return;
    await this.#host.request("DELETE", `/session/${id}/message/${message.info.id}`);
    await this.#note(id, before);
  }

  async revert(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    const asked = before.findLast(({ info }) => info.role === "user");
    if (asked === undefined) return;
    await this.#host.post(`/session/${id}/revert`, { messageID: asked.info.id });
    await this.prompt(id);
    await this.#note(id, before);
  }

  async fork(id: string): Promise<string> {
    const fork = ((await this.#host.post(`/session/${id}/fork`, {})).body as { id: string }).id;
    this.sessions.push(fork);
    return fork;
  }

  async delete(id: string): Promise<void> {
    const before = await messagesOf(this.#host, id);
    await this.#host.request("DELETE", `/session/${id}`);
    this.sessions.splice(this.sessions.indexOf(id), 1);
    this.gone.add(id);
    for (const each of idsOf(before)) this.gone.add(each);
  }

  async deleteParent(): Promise<void> {
    const parent = await this.create();
    await this.prompt(parent);
    const child = await this.create(parent);
    await this.prompt(child);
    const before = [...(await messagesOf(this.#host, parent)), ...(await messagesOf(this.#host, child))];
    await this.#host.request("DELETE", `/session/${parent}`);
    for (const each of [parent, child, ...idsOf(before)]) this.gone.add(each);
    for (const each of [parent, child]) this.sessions.splice(this.sessions.indexOf(each), 1);
  }

  async unrevert(id: string): Promise<void> {
    const asked = (await messagesOf(this.#host, id)).findLast(({ info }) => info.role === "user");
    await this.#host.post(`/session/${id}/revert`, { messageID: asked?.info.id });
    await this.#host.post(`/session/${id}/unrevert`, {});
  }

  async compact(id: string): Promise<void> {
    this.#model.script({ text: "A summary." });
    await this.#host.post(`/session/${id}/summarize`, { providerID: "loopback", modelID: "scripted" });
    await this.prompt(id);
  }

  async archive(id: string): Promise<void> {
    await this.#host.request("PATCH", `/session/${id}`, { title: "Another title", time: { archived: Date.now() } });
  }

  async #note(id: string, before: readonly Wire[]): Promise<void> {
    const after = new Set(idsOf(await messagesOf(this.#host, id)));
    for (const each of idsOf(before)) if (!after.has(each)) this.gone.add(each);
  }
}

async function messagesOf(host: RunningHost, id: string): Promise<Wire[]> {
  const { status, body } = await host.get(`/session/${id}/message`);
  expect(status).toBe(200);
  return body as Wire[];
}

function idsOf(messages: readonly Wire[]): string[] {
  return messages.flatMap(({ info, parts }) => [info.id, ...parts.map((part) => part.id)]);
}

export async function runMost(sequence: Sequence): Promise<void> {
  const [first, second, third, fourth] = [
    await sequence.create(),
    await sequence.create(),
    await sequence.create(),
    await sequence.create(),
  ];
  for (const id of [first, first, second, third, fourth]) await sequence.prompt(id);
  await sequence.unrevert(first);
  await sequence.deletePart(second);
  await sequence.prompt(second);
  await sequence.compact(third);
  await sequence.fork(fourth);
  await sequence.delete(fourth);
  await sequence.archive(second);
  await sequence.deleteMessage(third);
  await sequence.deleteParent();
}
