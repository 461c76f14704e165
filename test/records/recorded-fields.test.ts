import { expect, test } from "bun:test";
import { recordedFields, withFields } from "../../plugin/records/fields.ts";

test("a changed field is recorded as it is, and what is absent stays absent", () => {
  const fields = [
    { path: ["state", "title"], to: "" },
    { path: ["time"], from: { start: 1, parts: [null, true] } },
  ];
  expect(recordedFields({ fields })).toEqual({ fields });
  expect(recordedFields({ bytes: new Uint8Array(1) })).toEqual({});
  expect(recordedFields(undefined)).toEqual({});
});

test("what stood there may be a number that JSON has no text for: the repair goes on, and the manifest names it", () => {
  const from: unknown = JSON.parse('{"start":1e999,"ends":[-1e999,2]}');
  const recorded = recordedFields({ fields: [{ path: ["time"], from, to: 1 }] });
  expect(recorded).toEqual({
    fields: [{ path: ["time"], from: { start: "Infinity", ends: ["-Infinity", 2] }, to: 1 }],
  });
});

test.each([
  ["a number that JSON has no text for", Number.NaN],
  ["nothing", undefined],
  ["an object of another kind, deep inside", { list: [new Date(0)] }],
])("%s is refused: a manifest would say something else than what was done", (_what, to) => {
  expect(() => recordedFields({ fields: [{ path: ["a"], to }] })).toThrow("not JSON");
});

test("a list holds nothing under a name, since its JSON leaves that out", () => {
  expect(withFields({ error: [] }, [{ path: ["error", "data"], to: {} }])).toBeNull();
  expect(withFields({ error: [] }, [{ path: ["error", "data", "message"], to: "" }])).toBeNull();
  expect(withFields({ items: [null] }, [{ path: ["items", 0], from: null, to: {} }])).toEqual({
    value: { items: [{}] },
  });
});
