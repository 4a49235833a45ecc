import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseYaml } from "@agentmesh/config";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { z } from "zod";
import { effectsSpec } from "../src/domain/effects-spec.ts";
import { presetSchema } from "../src/providers/presets.ts";
import { everything, startTestMesh } from "./mesh.ts";

// What the pages show is applied and run as it is written.
const resource = z.object({
  kind: z.enum(["Agent", "Tool"]),
  name: z.string(),
  spec: z.record(z.string(), z.unknown()),
});

function yamlOf(page: string): string[] {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
  return [...text.matchAll(/^ *```yaml\n([\s\S]*?)^ *```$/gm)].map(([, block]) => block ?? "");
}

test("the agents of docs/agents.md can be applied, run and batched as they are written", async () => {
  await using stack = new AsyncDisposableStack();
  const mesh = await startTestMesh(stack, { runner: { models: { default: "embedded/lexical-1" } } });
  const token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
  const resources = yamlOf("agents.md").flatMap((block) =>
    parseYaml(block, "agents.md").map((each) => resource.parse(each)),
  );
  assert.ok(resources.length >= 5);
  for (const { kind, name, spec } of resources) await mesh.runner.applyResource({ kind, name, spec }, { token });
  const inputs = [{ text: "When are you open?" }, { text: "How long does a refund take?" }];
  const { results } = await mesh.runner.runAgentBatch({ agent: "faq", inputs }, { token });
  assert.match(results[0]?.run?.text ?? "", /9 to 17/);
  assert.match(results[1]?.run?.text ?? "", /five working days/);
  const mood = await mesh.runner.runAgent({ agent: "mood", text: "I am furious, nothing works!" }, { token });
  assert.equal(mood.state, AgentRun_State.SUCCEEDED, mood.failure?.message);
  const careful = await mesh.runner.runAgent(
    { agent: "careful", text: "Refunds take five days. How long?" },
    { token },
  );
  assert.equal(careful.state, AgentRun_State.SUCCEEDED, careful.failure?.message);
  assert.match(careful.modelChoices[0]?.reason ?? "", /is below 0\.5/);
  assert.equal(careful.quality?.checks.at(-1)?.name, "judge");
});

test("the effects of docs/add-a-tool.md are ones that are understood", () => {
  const documents = yamlOf("add-a-tool.md")
    .filter((block) => block.includes("effects: {"))
    .flatMap((block) => parseYaml(block, "add-a-tool.md"));
  const effects = documents.flatMap((each) => z.object({ effects: effectsSpec }).safeParse(each).data?.effects ?? []);
  assert.deepEqual(
    effects.map(({ mode }) => mode),
    ["keyed", "verify", "none"],
  );
});

test("the entry of docs/add-a-provider.md is one that is understood", () => {
  const [block = ""] = yamlOf("add-a-provider.md");
  const [document] = parseYaml(block, "add-a-provider.md");
  assert.equal(z.array(presetSchema).parse(document)[0]?.auth.style, "header");
});
