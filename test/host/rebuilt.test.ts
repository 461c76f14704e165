import { afterAll, describe, test } from "bun:test";
import { IS_WHOLE } from "../process/whole.ts";
import { isJsonHost, LINE_HOSTS } from "./binary.ts";
import { keepsReadable, staysListed } from "./closed-record.ts";
import { removeHomes } from "./home.ts";
import { type HostCase, HostForCases } from "./host-for-cases.ts";
import { listsRebuilt } from "./lost-session.ts";
import { getsMessageAgain, keepsParts } from "./rebuilt-message.ts";
import { PATIENT } from "./stored-fixture.ts";

afterAll(removeHomes);

/** 1.0.152 lists sessions like 1.1.65, and 1.14.41 like 1.2.27. */
const VERSIONS = LINE_HOSTS.filter((version) => IS_WHOLE || !["1.0.152", "1.14.41"].includes(version));

/** Records that were rebuilt, or that keep their readable text. Each version of opencode must show them. */
describe.each(VERSIONS)("opencode %s", (version) => {
  const cases = new HostForCases(version, []);
  const on = (work: (each: HostCase) => Promise<void>) => () => cases.run({ config: {}, options: PATIENT }, work);

  afterAll(() => cases.end());

  if (["1.1.65", "1.2.27", "1.18.33"].includes(version))
    test("a damaged message of which nobody has a copy keeps its parts when it is repaired on request", on(keepsParts));

  if (version === "1.2.27") test("parts whose message was deleted by hand get one again", on(getsMessageAgain));

  if (version !== "1.0.152")
    test("what can be read of damaged parts stays when a repair is asked for", on(keepsReadable));

  if (isJsonHost(version))
    test(
      "a session whose file was cut stays in the list with its title; an empty one with a title of its own",
      on(staysListed),
    );

  // This case is the last one, because opencode may still write to the session for a while after it answered a prompt.
  test("lists and opens a session whose record was rebuilt", on(listsRebuilt));
});
