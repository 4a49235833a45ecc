import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectMessage, inspectValue } from "./inspect-value.ts";
import { defaultPolicy } from "./policy.ts";

const card = "4111 1111 1111 1111";
const hidden = "[card ****1111]";

test("a value without anything to redact comes back as the same object", () => {
  const value = { ticket: { subject: "Where is it?", tags: ["parcel", "ann@example.com"], open: true, none: null } };
  const inspection = inspectValue(value, defaultPolicy);
  assert.equal(inspection.value, value);
  assert.equal(inspection.classification, "internal");
  assert.deepEqual(
    inspection.findings.map(({ kind, path }) => ({ kind, path })),
    [{ kind: "email", path: "ticket.tags[1]" }],
  );
});

test("strings are redacted wherever they are, and only what changed is copied", () => {
  const value = { same: { deep: ["a"] }, messages: [{ body: "hello" }, { body: `pay ${card}` }] };
  const { value: redacted, findings } = inspectValue(value, defaultPolicy);
  assert.deepEqual(redacted, { same: { deep: ["a"] }, messages: [{ body: "hello" }, { body: `pay ${hidden}` }] });
  assert.equal(redacted.same, value.same);
  assert.equal(redacted.messages[0], value.messages[0]);
  assert.deepEqual(findings, [{ kind: "card", action: "redact", start: 4, end: 23, path: "messages[1].body" }]);
  assert.equal(value.messages[1]?.body, `pay ${card}`);
});

test("a card does not slip through as a number or as a key", () => {
  const { value, findings } = inspectValue({ n: 4111111111111111, [card]: 1, small: 42 }, defaultPolicy);
  assert.deepEqual(value, { n: hidden, [hidden]: 1, small: 42 });
  assert.deepEqual(
    findings.map(({ path }) => path),
    ["n", "(key)"],
  );
});

test("keys that redaction makes equal keep their values", () => {
  const { value } = inspectValue({ "4111111111111111": 1, "4111 1111 1111 1111": 2 }, defaultPolicy);
  assert.deepEqual(value, { [hidden]: 1, [`${hidden}#2`]: 2 });
});

test("what is nested too deep is cut off and blocks", () => {
  let value: unknown = card;
  for (let depth = 0; depth < 10_000; depth++) value = [value];
  const inspection = inspectValue(value, defaultPolicy);
  assert.equal(inspection.blocked, true);
  assert.match(inspection.problem ?? "", /nested deeper than 128 levels/);
  assert.ok(!JSON.stringify(inspection.value).includes("4111"));
});

test("dates and bytes are left alone", () => {
  const value = { at: new Date(0), bytes: new Uint8Array([52, 49]) };
  assert.equal(inspectValue(value, defaultPolicy).value, value);
});

test("a message is inspected only where its contract says", () => {
  const request = { agent: card, text: card, input: { a: [{ b: card }] } };
  const { value } = inspectMessage(request, ["text", "input"], defaultPolicy);
  assert.deepEqual(value, { agent: card, text: hidden, input: { a: [{ b: hidden }] } });
});

test("a path goes through fields, lists and members of a oneof", () => {
  const reply = { runs: [{ output: { note: card } }, { output: null }, { output: card }], token: card };
  assert.deepEqual(inspectMessage(reply, ["runs[].output"], defaultPolicy).value, {
    runs: [{ output: { note: hidden } }, { output: null }, { output: hidden }],
    token: card,
  });
  const paths = ["event?started.text", "event?textDelta"];
  const delta = { seq: 1, event: { $case: "textDelta", value: card } };
  assert.deepEqual(inspectMessage(delta, paths, defaultPolicy).value, {
    seq: 1,
    event: { $case: "textDelta", value: hidden },
  });
  const started = { event: { $case: "started", value: { text: card } } };
  const inspection = inspectMessage(started, paths, defaultPolicy);
  assert.deepEqual(inspection.value, { event: { $case: "started", value: { text: hidden } } });
  assert.equal(inspection.findings[0]?.path, "event.started.text");
});

test("a path that leads nowhere changes nothing", () => {
  const message = { text: "", event: undefined, list: [1, "x", null] };
  const paths = ["missing.field", "event?textDelta", "list[].a.b", "text.deeper", "input"];
  assert.equal(inspectMessage(message, paths, defaultPolicy).value, message);
});

test("inspectValue takes paths too", () => {
  assert.deepEqual(inspectValue({ a: card, b: card }, defaultPolicy, ["a"]).value, { a: hidden, b: card });
});
