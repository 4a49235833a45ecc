import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { parseYaml } from "@agentmesh/config";
import { z } from "zod";
import { type Mesh, startMesh } from "./mesh.fixture.ts";

// What the pages show is applied as it is written.
const resource = z.object({
  kind: z.enum(["Workflow", "Team"]),
  name: z.string(),
  spec: z.record(z.string(), z.unknown()),
});

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
});
after(() => stack.disposeAsync());

function yamlOf(page: string): string[] {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
  return [...text.matchAll(/^ *```yaml\n([\s\S]*?)^ *```$/gm)].map(([, block]) => block ?? "");
}

async function applyAll(page: string): Promise<z.infer<typeof resource>[]> {
  const resources = yamlOf(page).flatMap((block) => parseYaml(block, page).map((each) => resource.parse(each)));
  for (const { kind, name, spec } of resources) {
    await assert.doesNotReject(() => mesh.apply(kind, name, spec), `${page}: ${kind}/${name}`);
  }
  return resources;
}

test("the workflows of docs/workflows.md are accepted as they are written, and no kind is left out", async () => {
  const resources = await applyAll("workflows.md");
  const steps = z.object({ steps: z.array(z.object({ kind: z.string() })) });
  const shown = new Set(resources.flatMap(({ spec }) => steps.parse(spec).steps.map(({ kind }) => kind)));
  for (const kind of ["agent", "tool", "workflow", "map", "gather", "branch", "route", "approval", "wait", "emit"]) {
    assert.ok(shown.has(kind), `docs/workflows.md shows no step of kind ${kind}`);
  }
});

test("the teams of docs/teams.md are accepted as they are written, and no pattern is left out", async () => {
  const resources = await applyAll("teams.md");
  const shown = resources.map(({ spec }) => spec.pattern);
  assert.deepEqual(new Set(shown), new Set(["sequential", "parallel", "producer-consumer", "router"]));
});
