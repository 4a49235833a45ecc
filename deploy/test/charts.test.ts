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

function renderService(service: string, ...args: string[]): string {
  using charts = packCharts(deployDir);
  return helmTemplate(helm, charts.pathOf(service), service, args);
}

function render(...args: string[]): string {
  return renderService("auth", ...args);
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

test("the orchestrator gets a token and the right to scale two deployments only when it is told to", { skip }, () => {
  const scaling = /ServiceAccountToken:|serviceAccountToken:|kind: Role|6443/g;
  const kept = renderService("orchestrator").match(scaling) ?? [];
  assert.deepEqual(new Set(kept), new Set(["ServiceAccountToken:"]), "which is automounting, and off");
  const access = "kubernetesAccess=true,autoscaling.enabled=false";
  assert.throws(() => renderService("orchestrator", "--set", access), /name the API server's CIDRs/);
  const text = renderService("orchestrator", "--set", `${access},network.apiServer={192.0.2.1/32}`);
  assert.match(
    text,
    /resources: \[deployments\/scale\]\n\s+resourceNames: \[agent-runner, orchestrator\]\n\s+verbs: \[get, update\]/,
  );
  assert.match(text, /ipBlock: \{ cidr: 192\.0\.2\.1\/32 \}\n\s+ports: .*6443/);
  assert.match(text, /serviceAccountToken: \{ path: token, expirationSeconds: 3600 \}/);
  assert.match(text, /automountServiceAccountToken: false/);
  assert.doesNotMatch(text, /HorizontalPodAutoscaler/);
});
