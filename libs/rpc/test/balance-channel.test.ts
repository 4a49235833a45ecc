import assert from "node:assert/strict";
import { test } from "node:test";
import type { Principal } from "@agentmesh/identity";
import { createMetrics } from "@agentmesh/telemetry";
import { type experimental, Metadata } from "@grpc/grpc-js";
import { callOf } from "../src/balance/call-metadata.ts";
import { balanceChannel, type KeySource } from "../src/balance/channel-balance.ts";
import { balanceMetrics } from "../src/balance/metrics.ts";
import { optionsOf, weightIn } from "../src/balance/options.ts";
import { MeshResolver } from "../src/balance/resolver.ts";
import type { Balance } from "../src/balance/settings.ts";

function principal(tenant: string, sessionId: string): Principal {
  return {
    tenant,
    sessionId,
    subject: "user:1",
    name: "",
    roles: [],
    permissions: new Set(),
    department: "",
    project: "",
    actors: [],
    amr: [],
    authenticatedAtMs: 0,
    stepUp: new Set(),
    expiresAtMs: 0,
  };
}

test("the key is the call's own, else the tenant or session it is for", () => {
  const own = principal("acme", "s1");
  const parent = { principal: principal("globex", "s2") };
  const keyOf = (key: Balance["key"], call: KeySource) => {
    const channel = balanceChannel("a:1", "dns:///a:1", { policy: "consistent_hash", key });
    return callOf(channel.metadataOf(new Metadata(), call, false)).key;
  };
  assert.equal(keyOf(undefined, { principal: own, parent }), "acme");
  assert.equal(keyOf("tenant", { parent }), "globex");
  assert.equal(keyOf("session", { principal: own }), "s1");
  assert.equal(keyOf("session", { principal: own, balanceKey: "k" }), "k");
  assert.equal(keyOf("call", { principal: own }), undefined);
  assert.equal(keyOf("tenant", {}), undefined);
});

test("what the picker is told of a call stays with all its attempts and off the wire", () => {
  const common = new Metadata();
  common.set("authorization", "Bearer x");
  const channel = balanceChannel("a:1", "dns:///a:1", { policy: "consistent_hash" });
  const metadata = channel.metadataOf(common, { balanceKey: "secret-key" }, true);
  metadata.set("x-request-id", "r");
  const attempt = metadata.clone().clone();
  assert.equal(callOf(attempt), callOf(metadata));
  assert.ok(callOf(attempt).streaming);
  assert.deepEqual(attempt.toHttp2Headers(), { authorization: "Bearer x", "x-request-id": "r" });
  assert.deepEqual(common.toHttp2Headers(), { authorization: "Bearer x" }, "what is shared is not written to");
});

/** What one look-up of `target` says. */
async function resolved(target: string, balance: Balance) {
  const { promise, resolve } = Promise.withResolvers<{ addresses: string[]; weightOf: (address: string) => number }>();
  const listener: experimental.ResolverListener = (endpoints, attributes) => {
    assert.ok(endpoints.ok);
    const addresses = endpoints.value.flatMap(({ addresses: [at] }) =>
      at && "port" in at ? `${at.host}:${at.port}` : [],
    );
    resolve({ addresses: addresses.sort(), weightOf: (address) => weightIn(attributes, address) });
    return true;
  };
  const resolver = new MeshResolver({ path: target }, listener, optionsOf(balance));
  resolver.updateResolution();
  const found = await promise;
  resolver.destroy();
  return found;
}

test("names, IPv4 and IPv6 may be mixed; each address counts once, with its own or its name's weight", async () => {
  const { addresses, weightOf } = await resolved("pods:7000,127.0.0.1:1,[::1]:2,10.0.0.2:7000", {
    policy: "weighted_round_robin",
    weights: { "pods:7000": 3, "10.0.0.3:7000": 5, "127.0.0.1:1": 0.5 },
    lookup: async () => ["10.0.0.2", "10.0.0.3", "10.0.0.4"],
  });
  assert.deepEqual(addresses, ["10.0.0.2:7000", "10.0.0.3:7000", "10.0.0.4:7000", "127.0.0.1:1", "::1:2"]);
  assert.equal(weightOf("10.0.0.4:7000"), 3);
  assert.equal(weightOf("10.0.0.3:7000"), 5);
  assert.equal(weightOf("127.0.0.1:1"), 0.5);
});

test("of very many instances a client uses a part, and each client another", async () => {
  const lookup = async () => Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const balance: Balance = { policy: "round_robin", lookup };
  const [one, two] = await Promise.all([resolved("pods:1", balance), resolved("pods:1", balance)]);
  assert.equal(one.addresses.length, 128);
  assert.equal(two.addresses.length, 128);
  assert.notDeepEqual(one.addresses, two.addresses);
});

test("however many addresses come and go, the labels of the metrics stay few", async () => {
  const metrics = createMetrics({});
  const counted = balanceMetrics({ policy: "round_robin", target: "notes", metrics });
  for (let i = 0; i < 100; i++) counted?.picked(`10.0.0.${i}:1`, 2);
  const lines = (await metrics.render()).match(/^agentmesh_rpc_picks_total\{.*$/gm) ?? [];
  assert.equal(lines.length, 33);
  assert.ok(
    lines.some((line) => /instance="other"\} 136$/.test(line)),
    lines.at(-1),
  );
});
