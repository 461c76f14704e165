import { describeStore } from "./conformance.ts";
import { createJsonStore } from "./json-fixture.ts";

const NAMES = [
  "x..y",
  "-rf",
  "a b",
  "ünï",
  "'; drop table part; --",
  '"',
  "a%2e%2e%2fb",
  "a\nb",
  "a\\b",
  "*?",
  "x".repeat(240),
];

describeStore({ name: "JSON files", create: createJsonStore, hostileIDs: NAMES, withLargeRecords: true });
