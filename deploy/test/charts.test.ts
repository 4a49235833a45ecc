import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { differences } from "@agentmesh/istio/rendered-tree";
import { helmTemplate, packCharts, renderCharts } from "../src/charts.ts";
import { toolPath } from "../src/config.ts";
import { findTool } from "../src/find-tool.ts";
import { objectOf, parseObjects, renderedDir } from "./read-rendered.ts";

const deployDir = join(import.meta.dirname, "..");
const helm = findTool("helm", toolPath) ?? "";
const skip = helm === "" ? "helm not found: deploy/rendered not compared" : false;

function render(...args: string[]): string {
  using charts = packCharts(deployDir);
  return helmTemplate(helm, charts.pathOf("auth"), "auth", args);
}

test("the committed files are what the charts render", { skip }, () => {
  assert.deepEqual(differences(renderedDir, renderCharts(helm, deployDir)), []);
});

test("a canary brings its own pods and nothing that both versions share", { skip }, () => {
  const objects = parseObjects(render("--set", "track=canary,image.tag=0.2.0"));
  assert.deepEqual(objects.map((object) => `${object.kind} ${object.metadata.name}`).sort(), [
    "ConfigMap auth-canary",
    "Deployment auth-canary",
    "HorizontalPodAutoscaler auth-canary",
    "PodDisruptionBudget auth-canary",
  ]);
  const { spec } = objectOf(objects, "Deployment");
  assert.equal(spec.selector.matchLabels["agentmesh.io/track"], "canary");
  assert.equal(spec.template.spec.serviceAccountName, "auth");
  assert.equal(spec.template.spec.containers[0].image, "agentmesh/auth:0.2.0");
});

test("a drain shorter than the redelivery of a message is refused with its figures", { skip }, () => {
  assert.throws(
    () => render("--set", "drain.grpc=5,drain.nats=5"),
    /auth: drain takes preStop 5 \+ grpc 5 \+ nats 5 = 15 s, shorter than ackWait 30 s/,
  );
});

test("the tag latest and an unknown track are refused", { skip }, () => {
  assert.throws(() => render("--set", "image.tag=latest"), /names no version/);
  assert.throws(() => render("--set", "track=beta"), /expected stable or canary/);
});

test("a digest wins over the tag", { skip }, () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const [container] = objectOf(parseObjects(render("--set", `image.digest=${digest}`)), "Deployment").spec.template.spec
    .containers;
  assert.equal(container.image, `agentmesh/auth@${digest}`);
});
