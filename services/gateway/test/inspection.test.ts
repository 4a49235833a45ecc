import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EVENTS_STREAM, eventSubject, publishSnapshots } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient } from "@agentmesh/rpc";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const card = "4111 1111 1111 1111";
const { runAgent, streamAgent } = runnerContract.methods;

test("a card is taken out of requests and replies, on both surfaces, and reported", async () => {
  edge.fleet.on(runAgent.path, async () => ({ id: "r1", state: AgentRun_State.SUCCEEDED, text: `charged ${card}` }));
  const runner = createClient(runnerContract, { address: edge.channel });
  const run = await runner.runAgent({ agent: "a", text: `pay with ${card}`, input: { n: [card] } }, { token: "admin" });
  assert.equal(run.text, "charged [card ****1111]");
  const seen = edge.fleet.calls.findLast(({ path }) => path === runAgent.path)?.request;
  assert.ok(JSON.stringify(seen).includes("[card ****1111]") && !JSON.stringify(seen).includes("4111"));
  const http = await edge.http("/v1/agents/a:run", {
    method: "POST",
    headers: asAdmin({ "content-type": "application/json", "x-request-id": "req-dlp" }),
    body: JSON.stringify({ input: { deep: [{ card }] } }),
  });
  assert.deepEqual(http.body, { id: "r1", state: "STATE_SUCCEEDED", text: "charged [card ****1111]" });
  const entry = edge.fleet.audited.findLast(({ requestId }) => requestId === "req-dlp");
  assert.equal(entry?.classification, "confidential");
  const found = await eventually(() => lastDlp("req-dlp"), { what: "the dlp.found event" });
  assert.deepEqual([found.kinds, found.action], [["card"], "redact"]);
});

test("a stream's text is held back far enough to find what two frames share", async () => {
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r", seq: 1, event: { $case: "started", value: { id: "r" } } };
    yield { runId: "r", seq: 2, event: { $case: "textDelta", value: "number 4111 1111 " } };
    yield { runId: "r", seq: 3, event: { $case: "textDelta", value: "1111 1111 is it" } };
    yield { runId: "r", seq: 4, event: { $case: "ended", value: { id: "r", text: `number ${card} is it` } } };
  });
  const runner = createClient(runnerContract, { address: edge.channel });
  const texts: string[] = [];
  for await (const { event } of runner.streamAgent({ agent: "a" }, { token: "admin" })) {
    if (event?.$case === "textDelta") texts.push(event.value);
    if (event?.$case === "ended") texts.push(event.value.text);
  }
  assert.deepEqual(texts, ["number [card ****1111] is it", "number [card ****1111] is it"]);
});

test("what a policy blocks goes nowhere, and the refusal tells the kind and never the text", async () => {
  const value = {
    tenant: "acme",
    name: "strict",
    version: 1,
    labels: {},
    spec: { rules: [{ kind: "card", action: "block" }] },
  };
  await using _published = await publishSnapshots(edge.fleet.bus, "resource_datapolicy", async () => [
    { key: "acme.strict", version: 1, value },
  ]);
  const runner = createClient(runnerContract, { address: edge.channel });
  await eventually(
    async () => {
      const calls = edge.fleet.calls.length;
      const error = await runner.runAgent({ agent: "a", text: card }, { token: "admin" }).catch((cause) => cause);
      if (error.reason !== "DLP_BLOCKED") return false;
      assert.equal(error.code, "PERMISSION_DENIED");
      assert.match(error.message, /card in text/);
      assert.ok(!error.message.includes("4111"));
      assert.ok(!edge.fleet.calls.slice(calls).some(({ path }) => path === runAgent.path));
      return true;
    },
    { what: "the blocking policy to be enforced" },
  );
});

test("a refusal that would name a place of any length says it shortly, and the connection lives on", async () => {
  const value = {
    tenant: "acme",
    name: "s",
    version: 1,
    labels: {},
    spec: { rules: [{ kind: "card", action: "block" }] },
  };
  await using _published = await publishSnapshots(edge.fleet.bus, "resource_datapolicy", async () => [
    { key: "acme.s", version: 1, value },
  ]);
  const runner = createClient(runnerContract, { address: edge.channel });
  const input = { ["k".repeat(200_000)]: card };
  const error = await eventually(
    async () => {
      const cause = await runner.runAgent({ agent: "a", input }, { token: "admin" }).catch((thrown) => thrown);
      return cause.code !== undefined && cause;
    },
    { what: "the policy to be enforced" },
  );
  assert.deepEqual([error.code, error.reason], ["PERMISSION_DENIED", "DLP_BLOCKED"]);
  assert.ok(error.message.length <= 2_000);
});

/** The key of the event is the request's id, and the key ends the subject. */
async function lastDlp(requestId: string) {
  const subject = eventSubject("acme", "gateway", dlpFoundEvent.type, requestId);
  const stored = await edge.fleet.bus.jsm.streams.getMessage(EVENTS_STREAM, { last_by_subj: subject });
  return stored && dlpFoundEvent.message.decode(stored.data);
}
