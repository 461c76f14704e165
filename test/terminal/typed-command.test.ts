import { afterAll, beforeAll, describe, test } from "bun:test";
import type { HostVersion } from "../host/binary.ts";
import { lacks } from "../process/lacks.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { offersTheDialog } from "./shared-cases.ts";
import { typeEveryForm } from "./typed-forms.ts";
import { UIForCases } from "./ui-for-cases.ts";
import { Workshop } from "./workshop.ts";

/**
 * question.test.ts tests 1.18.33. Up to 1.14.41, a command of opencode gets the key before the text area does, and the
 * plugin asks for the configured keys. From 1.17 on, the plugin gets the key from the text area (`typed-command.ts`).
 * So 1.17.18 is tested only by `npm run test:whole`.
 */
const VERSIONS: readonly HostVersion[] = IS_WHOLE ? ["1.14.41", "1.17.18"] : ["1.14.41"];

let shop: Workshop;

beforeAll(async () => {
  shop = await Workshop.open();
});

afterAll(() => shop.close());

describe.skipIf(lacks("tmux")).each(VERSIONS)("the terminal UI of %s with both halves", (version) => {
  const uis = new UIForCases(() => shop, {
    version,
    halves: { server: true, terminal: true },
    options: { preload: "check" },
  });

  afterAll(() => uis.end());

  test("exactly one /repair is offered, and it is the dialog", () => uis.run(offersTheDialog));

  test("every form of /repair that is typed with words is carried out, without a model call", () =>
    uis.run(typeEveryForm));
});
