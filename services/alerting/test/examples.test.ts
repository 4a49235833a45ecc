import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseYaml, validate } from "@agentmesh/config";
import { z } from "zod";
import { alertRuleSpec } from "../src/domain/rule.ts";
import { slaTargetSpec } from "../src/domain/sla.ts";

const resource = z.object({ kind: z.string(), name: z.string(), spec: z.unknown() });

test("the rules and targets of the support example are ones this service takes", () => {
  const file = new URL("../../../examples/support/resources.yaml", import.meta.url);
  const resources = parseYaml(readFileSync(file, "utf8"), "resources.yaml").map((each) => resource.parse(each));
  let checked = 0;
  for (const { kind, name, spec } of resources) {
    if (kind !== "AlertRule" && kind !== "SlaTarget") continue;
    validate<unknown>(kind === "AlertRule" ? alertRuleSpec : slaTargetSpec, spec, `${kind}/${name}`);
    checked += 1;
  }
  assert.equal(checked, 6);
});
