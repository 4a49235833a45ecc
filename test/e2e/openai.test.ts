// The same job on a real endpoint: with OPENAI_API_KEY and OPENAI_BASE_URL set, agents speak OpenAI's contract on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runJob } from "@agentmesh/example-support/run-job";
import { adminClient, testMesh } from "./mesh.ts";
import { openAiEndpoint } from "./openai-endpoint.ts";

test("with a key and a base URL the support desk runs on that endpoint", { timeout: 240_000 }, async (t) => {
  await using endpoint = await openAiEndpoint("sk-test");
  await using mesh = await testMesh({
    env: { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: endpoint.baseUrl, OPENAI_MODEL: "gpt-4.1-mini" },
  });
  const report = await runJob({ ...mesh, progress: (line) => t.diagnostic(line) });
  assert.deepEqual(
    report.outcomes.filter((outcome) => outcome.problems.length > 0),
    [],
  );
  assert.deepEqual(report.ledger.problems, []);
  assert.equal(endpoint.calls.get("gpt-4.1-mini"), report.ledger.modelCalls);

  await using client = await adminClient(mesh);
  const { runs } = await client.runner.listAgentRuns({ pageSize: 100 });
  assert.deepEqual([...new Set(runs.map((run) => run.model))], ["openai/gpt-4.1-mini"]);
});
