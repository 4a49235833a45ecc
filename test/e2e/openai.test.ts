// The same job on a real endpoint: with OPENAI_API_KEY and OPENAI_BASE_URL set, agents speak OpenAI's contract on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshClient } from "@agentmesh/client";
import { runJob } from "@agentmesh/example-support/run-job";
import type { RunningMesh } from "@agentmesh/local";
import OpenAI from "openai";
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
  await askAsOpenAi(mesh, client);
});

/** The official client before the mesh, and OpenAI's contract behind it. */
async function askAsOpenAi(mesh: RunningMesh, client: MeshClient): Promise<void> {
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  const { accessToken } = await client.auth.signIn({ tenant, username, password });
  const openai = new OpenAI({ baseURL: `${mesh.httpUrl}/v1`, apiKey: accessToken, maxRetries: 0 });
  const models = (await openai.models.list()).data.map(({ id }) => id);
  assert.ok(models.includes("agent:classifier"), models.join());
  const ask = { model: "agent:classifier", messages: [{ role: "user" as const, content: "I was charged twice" }] };
  const completion = await openai.chat.completions.create(ask);
  const text = completion.choices[0]?.message.content ?? "";
  assert.equal(typeof JSON.parse(text), "object", "an agent with an output schema answers JSON");
  assert.equal(completion.system_fingerprint, "openai/gpt-4.1-mini");
  const stream = await openai.chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), text);
  assert.ok(chunks.at(-1)?.usage);
}
