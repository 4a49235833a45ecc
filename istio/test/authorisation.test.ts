import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { a2aPaths } from "../src/a2a.ts";
import { ingressPrincipal, principalOf } from "../src/installation.ts";
import { calleesOf, callersOf, edgeService, isPublicSurface, serviceNames } from "../src/who-calls-whom.ts";
import { type Rule, readBearerKeys, readRules, readSidecar } from "./evaluate.ts";

const rulesOf = new Map(
  serviceNames.map((service) => [service, readRules(`services/${service}/authorization-policy.yaml`)]),
);

function rulesFor(service: string, path: string): Rule[] {
  return (rulesOf.get(service) ?? []).filter((rule) => rule.to?.some((entry) => entry.operation.paths?.includes(path)));
}

function principalsOf(rule: Rule | undefined): string[] {
  return rule?.from?.flatMap((entry) => entry.source.principals ?? []) ?? [];
}

test("every RPC stands in exactly one rule of the service that serves it", () => {
  for (const method of catalogMethods) {
    assert.equal(rulesFor(method.service, method.path).length, 1, method.path);
  }
});

test("a rule admits the workloads the contract names and nobody else", () => {
  for (const method of catalogMethods.filter((each) => each.service !== edgeService)) {
    const [rule] = rulesFor(method.service, method.path);
    assert.deepEqual(principalsOf(rule), callersOf(method).map(principalOf), method.path);
    assert.ok(principalsOf(rule).length > 0, `${method.path}: nobody may call it`);
  }
});

test("an internal RPC is out of reach for the ingress, and for the gateway unless the contract names it", () => {
  for (const method of catalogMethods.filter((each) => each.access === "INTERNAL")) {
    const [rule] = rulesFor(method.service, method.path);
    const named = method.callers.includes(edgeService) || method.callers.includes("*");
    assert.equal(principalsOf(rule).includes(principalOf(edgeService)), named, method.path);
    assert.deepEqual(rulesFor(edgeService, method.path), [], `${method.path} is open at the edge`);
  }
});

test("the edge takes every public RPC, from the ingress only", () => {
  for (const method of catalogMethods.filter(isPublicSurface)) {
    assert.deepEqual(principalsOf(rulesFor(edgeService, method.path)[0]), [ingressPrincipal], method.path);
  }
});

test("A2A over gRPC is let in from the ingress only, as far as the gateway serves it", () => {
  const proto = readFileSync(join(import.meta.dirname, "../../services/gateway/src/a2a/a2a.proto"), "utf8");
  const [, inPackage = ""] = /^package ([\w.]+);/m.exec(proto) ?? [];
  const served = [...proto.matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, name]) => `/${inPackage}.A2AService/${name}`);
  assert.deepEqual(a2aPaths.toSorted(), served.toSorted());
  for (const path of served) assert.deepEqual(principalsOf(rulesFor(edgeService, path)[0]), [ingressPrincipal], path);
});

test("an API key as a bearer reaches the gateway as a key; all other bearers are held to be tokens", () => {
  const asTheGatewaySeesIt = readBearerKeys();
  const key = `mk_${"k".repeat(40)}_-9`;
  assert.deepEqual(asTheGatewaySeesIt({ authorization: `Bearer ${key}` }), { "x-api-key": key });
  assert.deepEqual(asTheGatewaySeesIt({ authorization: `bearer  ${key}`, "x-api-key": "other" }), { "x-api-key": key });
  for (const authorization of [
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer mk_x.e30.y",
    "Bearer xmk_abc",
    `Basic ${key}`,
    `Bearer ${key},Bearer eyJ.e30.x`,
    "Bearer mk_",
    key,
  ]) {
    assert.deepEqual(asTheGatewaySeesIt({ authorization }), { authorization });
  }
  assert.deepEqual(asTheGatewaySeesIt({}), {});
});

test("every rule names its principals and its ports; no wildcard anywhere", () => {
  for (const [service, rules] of rulesOf) {
    for (const rule of rules) {
      assert.ok(principalsOf(rule).length > 0, `${service}: a rule without principals admits everyone`);
      assert.ok(
        rule.to?.every((entry) => entry.operation.ports?.length === 1),
        `${service}: a rule without a port`,
      );
      const names = [...principalsOf(rule), ...(rule.to?.flatMap((entry) => entry.operation.paths ?? []) ?? [])];
      assert.ok(!names.some((name) => name.includes("*")), `${service}: ${names.join()}`);
    }
  }
});

test("without a token or an API key only public RPCs pass the edge", () => {
  const [open, token, key, ...more] = readRules("gateway/require-sign-in.yaml");
  assert.deepEqual(more, []);
  const admitted = open?.to?.flatMap((entry) => entry.operation.paths ?? []) ?? [];
  const expected = catalogMethods.filter((method) => method.access === "PUBLIC");
  // {*} is one segment, as a capture is.
  const paths = expected.flatMap(({ path, http }) => [path, (http?.path ?? path).replaceAll(/\{\w+\}/g, "{*}")]);
  assert.deepEqual(admitted.toSorted(), [...paths, "/.well-known/agent-card.json"].toSorted());
  assert.deepEqual(token?.from?.[0]?.source.requestPrincipals, ["agentmesh/*"]);
  assert.deepEqual(key?.when, [{ key: "request.headers[x-api-key]", values: ["*"] }]);
});

test("a sidecar reaches the services its workload calls and no other", () => {
  for (const service of serviceNames) {
    const { egress, outboundTrafficPolicy } = readSidecar(service);
    const reached = serviceNames.filter((other) => egress[0].hosts.some((host) => host.startsWith(`./${other}.`)));
    assert.deepEqual(reached, calleesOf(service), service);
    const outside = ["agent-runner", "alerting"].includes(service);
    assert.equal(outboundTrafficPolicy.mode, outside ? "ALLOW_ANY" : "REGISTRY_ONLY", service);
  }
});
