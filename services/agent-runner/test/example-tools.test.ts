import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readResources } from "@agentmesh/client";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { everything, startTestMesh } from "./mesh.ts";

const folder = new URL("../../../examples/tools/", import.meta.url);

test("examples/tools runs as written: a plan whose steps call a service, a function and another agent", async () => {
  await using stack = new AsyncDisposableStack();
  const mesh = await startTestMesh(stack);
  const token = await mesh.callers.token({ permissions: everything });
  const orders = spawn(process.execPath, [fileURLToPath(new URL("orders.mjs", folder))], { stdio: "pipe" });
  stack.defer(() => void orders.kill());
  await once(orders.stdout, "data");
  const resources = await readResources(fileURLToPath(new URL("resources.yaml", folder)), {});
  for (const { kind, name, spec } of resources) {
    await mesh.runner.applyResource({ kind, name, spec: { ...spec } }, { token });
  }
  const text = "Where is my order O-17? What is the cost of 3 * 19.99 + 4.50? How long does a refund take?";
  const run = await mesh.runner.runAgent({ agent: "concierge", text }, { token });
  assert.equal(run.state, AgentRun_State.SUCCEEDED, run.failure?.message);
  assert.deepEqual(
    run.toolCalls.map(({ tool, failed }) => [tool, failed]),
    [
      ["get_order", false],
      ["calculator", false],
      ["ask_policy", false],
    ],
  );
  const found = run.trace.flatMap(({ entry }) => (entry?.$case === "step" ? [entry.value.result] : []));
  assert.match(found.join("\n"), /shipped on Monday[\s\S]*64\.47[\s\S]*five working days/);
  assert.match(run.text, /five working days/);
});
