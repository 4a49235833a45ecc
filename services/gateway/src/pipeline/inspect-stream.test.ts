import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy, inspectMessage } from "@agentmesh/inspect";
import type { Body } from "./body.ts";
import { inspectStream } from "./inspect-stream.ts";

const make = (message: unknown): Body => ({ message, bytes: new Uint8Array() });
const look = (body: Body) => make(inspectMessage(body.message, ["event?textDelta"], defaultPolicy).value);

async function textOf(pieces: readonly string[]): Promise<string> {
  async function* frames() {
    for (const value of pieces) yield make({ event: { $case: "textDelta", value } });
    yield make({ event: { $case: "ended", value: {} } });
  }
  let text = "";
  for await (const { message } of inspectStream(frames(), { policy: defaultPolicy, look, make })) {
    const { event } = message as { event: { $case: string; value: string } };
    if (event.$case === "textDelta") text += event.value;
  }
  return text;
}

const long = "The parcel left on Monday and should arrive soon. ".repeat(30);

test("a text that holds nothing arrives whole, however it was cut", async () => {
  assert.equal(await textOf([...long]), long);
  assert.equal(await textOf(["a", "b"]), "ab");
});

test("a card is taken out wherever a stream cuts it", async () => {
  const text = `${long}Charge 4111 1111 1111 1111 please. ${long}`;
  const start = text.indexOf("4111");
  for (let cut = start - 2; cut <= start + 21; cut++) {
    const redacted = await textOf([text.slice(0, cut), text.slice(cut)]);
    assert.equal(redacted, text.replace("4111 1111 1111 1111", "[card ****1111]"));
  }
  assert.ok(!(await textOf([...text])).includes("4111 1111"));
});

test("a number that only words before it give away is found across pieces", async () => {
  const text = `${long}My SSN is 123456789 by the way. ${long}`;
  const redacted = await textOf(text.match(/.{1,7}/gs) ?? []);
  assert.ok(!redacted.includes("123456789"), "the number got through");
});

test("a long token without a space is held until it is whole", async () => {
  const part = (text: string) => Buffer.from(text).toString("base64url");
  const claims = part(JSON.stringify({ sub: "ann", note: "a long story ".repeat(80) }));
  const jwt = `${part('{"alg":"ES256","typ":"JWT"}')}.${claims}.${"Zx9".repeat(30)}`;
  const redacted = await textOf(`${long}token ${jwt} end. ${long}`.match(/.{1,11}/gs) ?? []);
  assert.ok(!redacted.includes(claims.slice(500, 520)), "a piece of the token got through");
});

test("a reader who leaves after any frame has all of the text up to its number, and resumes without a loss", async () => {
  const pieces = long.match(/.{1,70}/gs) ?? [];
  async function* frames() {
    for (const [at, value] of pieces.entries()) yield make({ seq: at + 2, event: { $case: "textDelta", value } });
    yield make({ seq: pieces.length + 2, event: { $case: "ended", value: {} } });
  }
  let seen = 1;
  let text = "";
  for await (const { message } of inspectStream(frames(), { policy: defaultPolicy, look, make })) {
    const { seq, event } = message as { seq: number; event: { $case: string; value: string } };
    assert.ok(seq > seen, `frame ${seq} came after frame ${seen}`);
    seen = seq;
    if (event.$case === "textDelta") text += event.value;
    assert.equal(text, pieces.slice(0, seq - 1).join(""), `what has come with frame ${seq}`);
  }
  assert.equal(text, long);
});

/** What a reader has when the model pauses after these pieces, and what in the end, with the pieces after the pause. */
async function aroundPause(before: readonly string[], after: readonly string[]): Promise<[string, string]> {
  const go = Promise.withResolvers<void>();
  async function* frames() {
    for (const value of before) yield make({ event: { $case: "textDelta", value } });
    await go.promise;
    for (const value of after) yield make({ event: { $case: "textDelta", value } });
    yield make({ event: { $case: "ended", value: {} } });
  }
  let text = "";
  let atPause = "";
  const timer = setTimeout(() => {
    atPause = text;
    go.resolve();
  }, 60);
  for await (const { message } of inspectStream(frames(), { policy: defaultPolicy, look, make, idleMs: 10 })) {
    const { event } = message as { event: { $case: string; value: string } };
    if (event.$case === "textDelta") text += event.value;
  }
  clearTimeout(timer);
  return [atPause, text];
}

test("when a model pauses, its reader has what was said so far, but for the last word", async () => {
  const [atPause, whole] = await aroundPause(["Let me ", "look ", "that up", " for you. ", "One mom"], ["ent."]);
  assert.equal(atPause, "Let me look that up for you. ");
  assert.equal(whole, "Let me look that up for you. One moment.");
});

test("a pause lets nothing through that a card, a key or a number may begin with", async () => {
  const card = "4111 1111 1111 1111";
  for (let cut = 1; cut < card.length; cut++) {
    const [atPause, whole] = await aroundPause(["Charge it to ", card.slice(0, cut)], [`${card.slice(cut)} please.`]);
    assert.ok(!/\d/.test(atPause), atPause);
    assert.equal(whole, "Charge it to [card ****1111] please.");
  }
  const [, ssn] = await aroundPause(["My SSN is "], ["123456789 by the way."]);
  assert.ok(!ssn.includes("123456789"), ssn);
  const [, before] = await aroundPause(["It is 123456789, "], ["which is my SSN."]);
  assert.ok(!before.includes("123456789"), before);
  const [, key] = await aroundPause(["the api_key = "], ["Zx9kQ2mB7vLp4TrW8yHs1 is mine."]);
  assert.ok(!key.includes("Zx9kQ2"), key);
  const [, pem] = await aroundPause(
    ["-----BEGIN PRIVATE KEY-----\n", "MIIabc\n"],
    ["def\n-----END PRIVATE KEY-----\n"],
  );
  assert.ok(!pem.includes("MIIabc"), pem);
});

test("a reader who leaves in a pause does not wait for the model", async () => {
  let hasEnded = false;
  async function* frames() {
    try {
      yield make({ event: { $case: "textDelta", value: "One moment please " } });
      await new Promise(() => undefined);
    } finally {
      hasEnded = true;
    }
  }
  for await (const _ of inspectStream(frames(), { policy: defaultPolicy, look, make, idleMs: 10 })) break;
  assert.equal(hasEnded, false, "it still waits, and nobody waits for it");
});
