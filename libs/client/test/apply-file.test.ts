import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import type { ApplyResourceRequest } from "@agentmesh/proto/resource";
import { planApply } from "../src/apply-file.ts";
import { connect } from "../src/connect.ts";
import { kinds, ownerOf } from "../src/owner-of.ts";
import { startStandIn } from "./stand-in.ts";

function declared(kind: string, name: string, index = 1) {
  return { kind, name, labels: {}, spec: {}, where: `mesh.yaml document ${index} (${kind}/${name})` };
}

test("resources are applied so that what one names is there before it; within a kind as written", () => {
  const given = [...kinds(), "Tool", "Agent"].map((kind, index) => declared(kind, `n${index}`));
  const planned = planApply(given).map(({ kind }) => kind);
  const place = (kind: string) => planned.lastIndexOf(kind);
  for (const [first, then] of [
    ["Role", "ServiceAccount"],
    ["Tool", "Agent"],
    ["Agent", "Workflow"],
    ["Workflow", "Trigger"],
    ["ServiceAccount", "Trigger"],
    ["Channel", "AlertRule"],
  ] as const) {
    assert.ok(place(first) < planned.indexOf(then), `${first} before ${then}`);
  }
  assert.equal(planned.length, given.length);
  const tools = planApply([declared("Tool", "b"), declared("Agent", "x"), declared("Tool", "a")]).map(
    ({ name }) => name,
  );
  assert.deepEqual(tools, ["b", "a", "x"]);
});

test("every kind of the catalog has an owner and a place in the order", () => {
  for (const kind of kinds()) ownerOf(kind);
  const planned = planApply([declared("SlaTarget", "last"), ...kinds().map((kind) => declared(kind, "x"))]);
  assert.equal(planned.at(-2)?.kind, "SlaTarget", "a kind without a place would stand behind SlaTarget");
});

test("a misspelt kind, or one resource twice, is refused before anything is applied", () => {
  assert.throws(
    () => planApply([declared("Agnet", "a")]),
    /document 1 \(Agnet\/a\): unknown kind "Agnet"; there are Agent, /,
  );
  assert.throws(
    () => planApply([declared("Agent", "a", 1), declared("Agent", "a", 2)]),
    /document 2 \(Agent\/a\): declared before, as mesh\.yaml document 1/,
  );
});

test("applyFile calls the owners in order, and a refusal names file and document", async () => {
  const dir = mkdtempSync(join(tmpdir(), "apply-file-"));
  await using standIn = await startStandIn();
  await using mesh = connect({ address: standIn.address, token: "secret" });
  try {
    const file = join(dir, "mesh.yaml");
    writeFileSync(file, `kind: Agent\nname: a\nspec: { model: "\${MODEL}" }\n---\nkind: Tool\nname: t\n`);
    const tokens: unknown[] = [];
    standIn.on("runner/ApplyResource", ({ kind, name, spec, dryRun }: ApplyResourceRequest, metadata) => {
      tokens.push(metadata.get("authorization")[0]);
      if (dryRun)
        throw new AppError("INVALID_ARGUMENT", "spec.model: unknown", { field: "spec.model", reason: "INVALID" });
      return {
        resource: { kind, name, spec, version: 4 },
        outcome: kind === "Tool" ? "OUTCOME_CREATED" : "OUTCOME_UNCHANGED",
      };
    });
    assert.deepEqual(await mesh.applyFile(file, { MODEL: "default" }), [
      { kind: "Tool", name: "t", version: 4, outcome: "created" },
      { kind: "Agent", name: "a", version: 4, outcome: "unchanged" },
    ]);
    assert.deepEqual(tokens, ["Bearer secret", "Bearer secret"]);
    mesh.setToken("other");
    await assert.rejects(mesh.applyFile(file, { MODEL: "x" }, { dryRun: true }), (error: AppError) => {
      assert.match(error.message, /mesh\.yaml document 2 \(Tool\/t\): spec\.model: unknown/);
      assert.deepEqual([error.code, error.field], ["INVALID_ARGUMENT", "spec.model"]);
      return true;
    });
    assert.equal(tokens.at(-1), "Bearer other");
    await assert.rejects(mesh.applyFile(file), /MODEL is not set/, "only the environment that is given is seen");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
