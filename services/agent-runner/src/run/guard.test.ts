import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy, type Policy } from "@agentmesh/inspect";
import { defineTestAgent } from "../domain/definition.fixture.ts";
import { guardAnswer, guardInput, guardMedia, guardStream } from "./guard.ts";

const CARD = "4111 1111 1111 1111";
const blocking: Policy = { rules: [{ kind: "card", action: "block" }], version: 1 };

test("cards are taken out of input and answer; a policy that blocks refuses them", () => {
  assert.equal(guardInput(defaultPolicy, `pay with ${CARD}`), "pay with [card ****1111]");
  assert.throws(() => guardInput(blocking, CARD), { reason: "BLOCKED_INPUT" });
  const agent = defineTestAgent({});
  assert.equal(guardAnswer(defaultPolicy, agent, { text: `use ${CARD}` }).text, "use [card ****1111]");
  assert.throws(() => guardAnswer(blocking, agent, { text: CARD }), { reason: "BLOCKED_OUTPUT" });
});

test("structured output is redacted where it still satisfies the schema, and withheld where it does not", () => {
  const loose = defineTestAgent({ output: { type: "object", properties: { note: { type: "string" } } } });
  const answer = { text: JSON.stringify({ note: CARD }), output: { note: CARD } };
  const guarded = guardAnswer(defaultPolicy, loose, answer);
  assert.deepEqual(guarded.output, { note: "[card ****1111]" });
  assert.equal(guarded.text, '{"note":"[card ****1111]"}');
  const strict = defineTestAgent({
    output: { type: "object", properties: { note: { type: "string", pattern: "^[0-9 ]+$" } } },
  });
  assert.throws(() => guardAnswer(defaultPolicy, strict, answer), { reason: "BLOCKED_OUTPUT" });
});

test("a streamed card is never seen, wherever the stream cuts it", () => {
  const text = `${"some words before it. ".repeat(20)}the card is ${CARD} and ${"words after. ".repeat(60)}`;
  for (const size of [1, 3, 7, 50, 5_000]) {
    const seen: string[] = [];
    const stream = guardStream(defaultPolicy, (delta) => seen.push(delta));
    for (let at = 0; at < text.length; at += size) stream.add(text.slice(at, at + size));
    stream.end();
    assert.equal(seen.join(""), text.replace(CARD, "[card ****1111]"), `in pieces of ${size}`);
    if (size < 100) assert.ok(seen.length > 1, "it streams");
  }
});

test("pictures and sound cannot be inspected: a policy that blocks anything refuses them, one that redacts lets them by", () => {
  const image = (url: string) => ({ type: "image_url", image_url: { url } }) as const;
  const sound = { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } } as const;
  const picture = image("data:image/png;base64,AAAA");
  for (const part of [picture, sound, image("https://example.com/a.png")]) {
    guardMedia(defaultPolicy, [part]);
    assert.throws(() => guardMedia(blocking, [part]), {
      reason: "BLOCKED_INPUT",
      message: /cannot be inspected.*card/,
    });
  }
  assert.throws(() => guardMedia({ rules: [{ kind: "email", action: "block" }], version: 1 }, [sound]), {
    field: "media[0]",
  });
  guardMedia(blocking, []);
  const telling = image("https://example.com/4111111111111111.png");
  assert.throws(() => guardMedia(defaultPolicy, [picture, telling]), { field: "media[1]", message: /address/ });
});
