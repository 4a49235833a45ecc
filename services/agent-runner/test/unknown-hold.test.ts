// A run that ends while cost decides about its hold: whether it was granted is not known, and money must not stay held, nor
// be taken for spent, for a call that was never made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import type { Settlement } from "@agentmesh/proto/cost";
import { costContract } from "@agentmesh/proto/cost.contract";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { openai, openDesk } from "./desk.fixture.ts";
import { serveFake } from "./mesh.ts";

test("a hold whose answer was not awaited is settled at nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const { mesh, upstream, token, apply } = stack.use(await openDesk());
  await apply("Agent", "left", openai);
  upstream.play();
  const asked: string[] = [];
  const settled: Settlement[] = [];
  const cost = await serveFake(stack, mesh.environment, "cost", costContract, {
    async hold({ attemptId }, call) {
      asked.push(attemptId);
      await wait(30_000, undefined, { signal: call.signal });
      return { heldNanoUsd: 1n, maxOutputTokens: 1n, priceVersion: 1 };
    },
    async settle({ settlements }) {
      settled.push(...settlements);
      return { costNanoUsd: settlements.map(() => 0n) };
    },
  });
  const running = stack.use(await mesh.startRunner({ peers: { ...mesh.addresses, cost: `127.0.0.1:${cost}` } }));
  const runner = await mesh.callers.client(runnerContract, running.port);
  const abort = new AbortController();
  const call = runner.runAgent({ agent: "left", text: "waits" }, { token, signal: abort.signal });
  await eventually(() => asked.length === 1, { what: "the hold to reach cost" });
  abort.abort();
  await assert.rejects(call, { code: "CANCELLED" });
  await eventually(() => settled.length === 1, { what: "the hold to be settled", timeoutMs: 5_000 });
  const [{ attemptId, failed, uncachedInputTokens, outputTokens } = assert.fail()] = settled;
  assert.deepEqual([attemptId, failed, uncachedInputTokens, outputTokens], [asked[0], true, 0n, 0n]);
  const isStored = async () => {
    const { runs } = await runner.listAgentRuns({ agent: "left", pageSize: 1 }, { token });
    return runs[0]?.state === AgentRun_State.CANCELLED;
  };
  await eventually(isStored, { what: "the cancelled run" });
  assert.equal(upstream.asked.length, 0);
});
