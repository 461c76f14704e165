import type { SessionColumns } from "../../stores/conversation.ts";
import { outlineOf } from "../../stores/message-facts.ts";
import type { MessageFacts, PartFacts, SessionOutline } from "../../stores/outline.ts";
import type { Store } from "../../stores/store.ts";

export interface ModelFacts {
  readonly providerID: string;
  readonly modelID: string;
}

/**
 * The other records of the same session, from which a missing value may be derived. A lookup takes the same time in a
 * short and in a long session.
 */
export class Neighbours {
  readonly session: SessionColumns;
  readonly messages: readonly MessageFacts[];
  readonly #outline: SessionOutline;
  readonly #index = new Map<string, number>();
  /** For each message id, the first answer that names this message as its parent. */
  readonly #answers = new Map<string, MessageFacts>();
  #nearestUser: readonly (MessageFacts | null)[] | null = null;
  #nearestAgent: readonly (string | null)[] | null = null;
  #nearestModel: readonly (ModelFacts | null)[] | null = null;
  #nearestPath: readonly (MessageFacts | null)[] | null = null;
  #parts: { readonly messageID: string; readonly parts: readonly PartFacts[] } | null = null;

  constructor(outline: SessionOutline, session: SessionColumns) {
    this.#outline = outline;
    this.session = session;
    this.messages = outline.messages;
    for (const [index, message] of outline.messages.entries()) {
      this.#index.set(message.id, index);
      const { parentID } = message;
      if (parentID !== null && message.role === "assistant" && !this.#answers.has(parentID)) {
        this.#answers.set(parentID, message);
      }
    }
  }

  message(id: string | null): MessageFacts | null {
    const index = id === null ? undefined : this.#index.get(id);
    return index === undefined ? null : (this.messages[index] ?? null);
  }

  /** The message to which a part belongs; `null` if it is unknown. */
  messageOf(partID: string): MessageFacts | null {
    return this.message(this.#outline.messageOf(partID));
  }

  /**
   * The parts of a message. The result for one message is cached, because the parts of a message are completed one
   * after the other.
   */
  partsOf(messageID: string): readonly PartFacts[] {
    if (this.#parts?.messageID !== messageID) this.#parts = { messageID, parts: this.#outline.partsOf(messageID) };
    return this.#parts.parts;
  }

  /** The other side of an exchange: for an answer, its question; for a question, its first answer. */
  counterpart(of: MessageFacts): MessageFacts | null {
    return of.role === "assistant"
      ? (this.message(of.parentID) ?? this.userBefore(of.id))
      : (this.#answers.get(of.id) ?? this.#next(of.id, "assistant"));
  }

  /** The last user message before the message with this id. */
  userBefore(id: string): MessageFacts | null {
    this.#nearestUser ??= before(this.messages, (each) => (each.role === "user" ? each : null));
    return this.#at(this.#nearestUser, id);
  }

  /** The agent that the nearest message names. Earlier messages are preferred to later messages. */
  nearestAgent(id: string): string | null {
    this.#nearestAgent ??= nearest(this.messages, (each) => each.agent ?? each.mode);
    return this.#at(this.#nearestAgent, id);
  }

  /** The model that the nearest message names. Earlier messages are preferred to later messages. */
  nearestModel(id: string): ModelFacts | null {
    this.#nearestModel ??= nearest(this.messages, modelOf);
    return this.#at(this.#nearestModel, id);
  }

  /** The nearest answer that names the folders in which it worked. Earlier answers are preferred to later answers. */
  nearestPath(id: string): MessageFacts | null {
    this.#nearestPath ??= nearest(this.messages, (each) => (each.cwd !== null && each.root !== null ? each : null));
    return this.#at(this.#nearestPath, id);
  }

  #at<T>(found: readonly (T | null)[], id: string): T | null {
    const index = this.#index.get(id);
    return index === undefined ? null : (found[index] ?? null);
  }

  #next(id: string, role: string): MessageFacts | null {
    const next = this.messages[(this.#index.get(id) ?? this.messages.length) + 1];
    return next?.role === role ? next : null;
  }
}

export function modelOf({ providerID, modelID }: MessageFacts): ModelFacts | null {
  return providerID === null || modelID === null ? null : { providerID, modelID };
}

/** For each message, the value of the nearest earlier message that has a value. */
function before<T>(messages: readonly MessageFacts[], of: (message: MessageFacts) => T | null): (T | null)[] {
  let last: T | null = null;
  return messages.map((message) => {
    const found = last;
    last = of(message) ?? last;
    return found;
  });
}

function nearest<T>(messages: readonly MessageFacts[], of: (message: MessageFacts) => T | null): (T | null)[] {
  const earlier = before(messages, of);
  const later = before([...messages].reverse(), of).reverse();
  return earlier.map((each, index) => each ?? later[index] ?? null);
}

/**
 * Reads the neighbours of a record. Only one session is kept in memory, because all records of a session are examined
 * one after the other.
 */
export class NeighbourSource {
  readonly #store: Store;
  #last: { readonly sessionID: string; readonly neighbours: Neighbours } | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  async of(sessionID: string | null): Promise<Neighbours> {
    if (sessionID === null) return NOBODY;
    if (this.#last?.sessionID !== sessionID) {
      const columns = await this.#store.conversations.sessionColumns(sessionID);
      const outline =
        (await this.#store.outlines?.of(sessionID)) ?? (await outlineOf(this.#store.conversations.messages(sessionID)));
      this.#last = { sessionID, neighbours: new Neighbours(outline, columns) };
    }
    return this.#last.neighbours;
  }
}

const NO_OUTLINE: SessionOutline = { messages: [], messageOf: () => null, partsOf: () => [] };

const NOBODY = new Neighbours(NO_OUTLINE, { session: null, project: null, todos: [], share: null });
