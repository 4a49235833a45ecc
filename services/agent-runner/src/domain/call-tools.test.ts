import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { createAgent } from "./agent.ts";
import { asksFor, defineTestAgent, numberTool, says, scriptedPorts } from "./definition.fixture.ts";

const double = numberTool("double", ({ n }) => Number(n) * 2);

test("the same call asked for in a fourth turn ends the run as LOOPING; other arguments are another call", async () => {
  const agent = createAgent(defineTestAgent({ limits: { turns: 20 } }, [double]));
  const stuck = scriptedPorts([asksFor(["double", { n: 1 }])]);
  await assert.rejects(agent.run("?", stuck.ports), { reason: "LOOPING", message: /4 times .*double \{"n":1\}/ });
  assert.equal(stuck.ended.length, 3);
  const counting = [1, 2, 3, 4, 5, 6].map((n) => asksFor(["double", { n }]));
  assert.equal((await agent.run("?", scriptedPorts([...counting, says("done")]).ports)).text, "done");
});

test("a tool that needs a permission is called for callers who hold it, and is an error for the model otherwise", async () => {
  const guarded = { ...double, permission: "ledger:read", isVolatile: true };
  const agent = createAgent(defineTestAgent({}, [guarded]));
  const replies = [asksFor(["double", { n: 2 }]), says("done")];
  const without = scriptedPorts(replies);
  assert.equal((await agent.run("?", without.ports)).isReusable, false);
  assert.match(
    without.ended[0]?.result ?? "",
    /"code":"MISSING_PERMISSION","error":"the tool double needs ledger:read/,
  );
  assert.equal(without.ended[0]?.failed, true);
  const allowed = scriptedPorts(replies);
  const caller = { ...allowed.ports.caller, permissions: new Set(["ledger:read"]) };
  const result = await agent.run("?", { ...allowed.ports, caller });
  assert.deepEqual([allowed.ended[0]?.result, result.isReusable], ["4", false], "what only some may see is not kept");
});

test("an effect keeps its idempotency key when the run is done over with other call ids; a second one has its own", async () => {
  const keysOf = async (...ids: string[]) => {
    const keys: string[] = [];
    const send = numberTool("send", (_, { idempotencyKey }) => keys.push(idempotencyKey), "effectful");
    const asked = ids.map((id) => {
      const reply = asksFor(["send", { n: 1 }]);
      return { ...reply, toolCalls: reply.toolCalls.map((call) => ({ ...call, id })) };
    });
    await createAgent(defineTestAgent({}, [send])).run("?", scriptedPorts([...asked, says("done")]).ports);
    return keys;
  };
  const first = await keysOf("call_a", "call_b");
  assert.deepEqual(await keysOf("call_x", "call_y"), first);
  assert.equal(new Set(first).size, 2);
});

test("an effect that failed and is asked for again is the same one, unless the other system refused it", async () => {
  const keysOf = async (...failures: (AppError | undefined)[]) => {
    const keys: string[] = [];
    const send = numberTool(
      "send",
      (_, { idempotencyKey }) => {
        const failure = failures[keys.push(idempotencyKey) - 1];
        if (failure) throw failure;
      },
      "effectful",
    );
    const asked = failures.map(() => asksFor(["send", { n: 1 }]));
    await createAgent(defineTestAgent({}, [send])).run("?", scriptedPorts([...asked, says("done")]).ports);
    return new Set(keys).size;
  };
  assert.equal(await keysOf(new AppError("UNAVAILABLE", "no answer"), undefined), 1);
  assert.equal(await keysOf(new AppError("FAILED_PRECONDITION", "no such account"), undefined), 2);
  assert.equal(await keysOf(new AppError("DEADLINE_EXCEEDED", "no answer"), undefined, undefined), 2);
});

test("nobody knows whether an effect was had: the run ends so, and the model is not asked again", async () => {
  const doubt = new AppError("FAILED_PRECONDITION", "nobody knows", { reason: "IN_DOUBT" });
  const send = numberTool("send", () => Promise.reject(doubt), "effectful");
  const scripted = scriptedPorts([
    asksFor(["double", { n: 1 }], ["send", { n: 1 }], ["double", { n: 2 }]),
    says("done"),
  ]);
  const agent = createAgent(defineTestAgent({}, [double, send]));
  await assert.rejects(agent.run("?", scripted.ports), { reason: "IN_DOUBT" });
  assert.equal(scripted.requests.length, 1);
  const ended = scripted.ended.map(({ tool, failed }) => `${tool} ${failed}`);
  assert.deepEqual(ended.sort(), ["double false", "double false", "send true"], "what went on beside it ended first");
});
