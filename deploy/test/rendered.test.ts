import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ACK_WAIT_MS } from "@agentmesh/bus";
import { calleesOf, callersOfService, serviceNames } from "@agentmesh/istio/who-calls-whom";
import { drain as codeDrain } from "@agentmesh/service";
import { parse } from "yaml";
import { z } from "zod";
import { callsFile } from "../src/calls-file.ts";
import { environments } from "../src/charts.ts";
import { objectOf, readRendered } from "./read-rendered.ts";

const all = readRendered();
const deployDir = join(import.meta.dirname, "..");
const drain = z.object({ preStop: z.int(), grpc: z.int(), nats: z.int(), ackWait: z.int() });

function drainOf(service: string): z.infer<typeof drain> {
  const read = (path: string) =>
    z.object({ drain: z.record(z.string(), z.int()).optional() }).parse(parse(readFileSync(path, "utf8")) ?? {}).drain;
  return drain.parse({
    ...read(join(deployDir, "charts/mesh-service/values.yaml")),
    ...read(join(deployDir, "services", service, "values.yaml")),
  });
}

test("every service is rendered for every environment, with all seven objects", () => {
  const present = all.map(({ environment, service }) => `${environment}/${service}`).sort();
  const wanted = environments.flatMap((environment) => serviceNames.map((service) => `${environment}/${service}`));
  assert.deepEqual(present, wanted.sort());
  for (const { environment, service, objects } of all) assert.equal(objects.length, 7, `${environment}/${service}`);
});

test("pods run without privileges: no root, no write, no capability, no token", () => {
  for (const { objects } of all) {
    const pod = objectOf(objects, "Deployment").spec.template.spec;
    assert.deepEqual(pod.securityContext, {
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      fsGroup: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(pod.containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert.equal(pod.automountServiceAccountToken, false);
    const writable = pod.containers[0].volumeMounts.filter((mount) => mount.readOnly !== true);
    assert.deepEqual(
      writable.map((mount) => mount.mountPath),
      ["/tmp", "/var/spool/agentmesh"],
    );
  }
});

test("a rollout adds one pod at a time and removes none before it is ready", () => {
  for (const { objects } of all) {
    const { revisionHistoryLimit, strategy } = objectOf(objects, "Deployment").spec;
    assert.equal(revisionHistoryLimit, 5);
    assert.deepEqual(strategy, { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  }
});

test("startup and liveness ask whether the process works, readiness whether it may be called", () => {
  for (const { objects } of all) {
    const [container] = objectOf(objects, "Deployment").spec.template.spec.containers;
    assert.deepEqual(container.startupProbe.httpGet, { path: "/healthz", port: "admin" });
    assert.deepEqual(container.livenessProbe.httpGet, { path: "/healthz", port: "admin" });
    assert.deepEqual(container.readinessProbe.httpGet, { path: "/readyz", port: "admin" });
  }
});

test("the grace period is the whole drain budget, and reaches the redelivery of a pulled message", () => {
  for (const { service, objects } of all) {
    const pod = objectOf(objects, "Deployment").spec.template.spec;
    const { preStop, grpc, nats, ackWait } = drainOf(service);
    assert.equal(pod.containers[0].lifecycle.preStop.sleep.seconds, preStop);
    assert.equal(pod.terminationGracePeriodSeconds, preStop + grpc + nats);
    assert.ok(preStop + grpc + nats >= ackWait, `${service}: drain is shorter than ackWait ${ackWait} s`);
  }
});

test("the drain budget is what the code does", () => {
  for (const { service } of all) {
    const { grpc, nats, ackWait } = drainOf(service);
    assert.deepEqual(
      { grpcMs: grpc * 1000, natsMs: nats * 1000, ackWaitMs: ackWait * 1000 },
      { grpcMs: codeDrain.grpcMs, natsMs: codeDrain.natsMs, ackWaitMs: ACK_WAIT_MS },
      service,
    );
    assert.ok(codeDrain.boundMs < (grpc + nats) * 1000);
  }
});

test("every port of a Service says its protocol", () => {
  for (const { service, objects } of all) {
    const ports = objectOf(objects, "Service").spec.ports.map((port) => `${port.port} ${port.appProtocol}`);
    assert.deepEqual(ports, service === "gateway" ? ["7000 grpc", "7080 http"] : ["7000 grpc"]);
  }
});

test("a Service picks both versions, a Deployment only its own", () => {
  for (const { service, objects } of all) {
    assert.deepEqual(objectOf(objects, "Service").spec.selector, { "app.kubernetes.io/name": service });
    assert.deepEqual(objectOf(objects, "Deployment").spec.selector.matchLabels, {
      "app.kubernetes.io/name": service,
      "agentmesh.io/track": "stable",
    });
  }
});

test("production scales from 3 to 50 on 70 % CPU and 80 % memory of the service's own container", () => {
  for (const { service, objects } of all.filter((entry) => entry.environment === "prod")) {
    const { minReplicas, maxReplicas, metrics } = objectOf(objects, "HorizontalPodAutoscaler").spec;
    assert.deepEqual([minReplicas, maxReplicas], [3, 50]);
    const targets = metrics.map(({ containerResource: { name, container, target } }) => [
      name,
      container,
      target.averageUtilization,
    ]);
    assert.deepEqual(targets, [
      ["cpu", service, 70],
      ["memory", service, 80],
    ]);
  }
});

test("half of the pods stay through a voluntary disruption, everywhere", () => {
  for (const { objects } of all) {
    assert.equal(objectOf(objects, "PodDisruptionBudget").spec.minAvailable, "50%");
    assert.ok(objectOf(objects, "HorizontalPodAutoscaler").spec.minReplicas >= 2, "one pod alone blocks every drain");
  }
});

test("network policy follows who calls whom", () => {
  const podsIn = (peers: { podSelector?: { matchExpressions: [{ values: string[] }] } | undefined }[]) =>
    peers.flatMap((peer) => peer.podSelector?.matchExpressions[0].values ?? []);
  for (const { service, objects } of all) {
    const { policyTypes, ingress, egress } = objectOf(objects, "NetworkPolicy").spec;
    assert.deepEqual(policyTypes, ["Ingress", "Egress"]);
    assert.deepEqual(podsIn(ingress.flatMap((rule) => rule.from)), callersOfService(service), service);
    assert.deepEqual(podsIn(egress.flatMap((rule) => rule.to)), calleesOf(service), service);
  }
});

test("a pod knows the address of every service it calls, and takes credentials from Secrets only", () => {
  for (const { service, objects } of all) {
    const { data } = objectOf(objects, "ConfigMap");
    for (const callee of calleesOf(service)) {
      assert.equal(data[`${callee.toUpperCase().replaceAll("-", "_")}_ADDRESS`], `${callee}:7000`);
    }
    const secrets = objectOf(objects, "Deployment").spec.template.spec.containers[0].env.map((entry) => entry.name);
    assert.deepEqual(secrets.slice(0, 3), ["POSTGRES_URL", "NATS_URL", "REDIS_URL"]);
    assert.deepEqual(
      Object.keys(data).filter((name) => /(POSTGRES|NATS|REDIS)_URL|PASSWORD|API_KEY/.test(name)),
      [],
    );
  }
});

test("images name a version", () => {
  for (const { service, objects } of all) {
    const { image } = objectOf(objects, "Deployment").spec.template.spec.containers[0];
    assert.match(image, new RegExp(`^agentmesh/${service}(:\\d+\\.\\d+\\.\\d+|@sha256:[0-9a-f]{64})$`));
  }
});

test("calls.yaml of every chart is what the contracts say", () => {
  for (const service of serviceNames) {
    const path = join(deployDir, "services", service, "calls.yaml");
    assert.equal(readFileSync(path, "utf8"), callsFile(service), `${path}: run node deploy/render.ts`);
  }
});

test("an agent-runner may be given the key and address of every provider its config.yaml knows, and nothing else", () => {
  const path = join(deployDir, "../services/agent-runner/config.yaml");
  const { models } = z.object({ models: z.unknown() }).parse(parse(readFileSync(path, "utf8")));
  const known = [...JSON.stringify(models).matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  const runners = all.filter(({ service }) => service === "agent-runner");
  assert.equal(runners.length, environments.length);
  for (const { environment, objects } of runners) {
    const { env } = objectOf(objects, "Deployment").spec.template.spec.containers[0];
    const optional = env.filter(({ valueFrom }) => valueFrom?.secretKeyRef?.optional).map(({ name }) => name);
    assert.deepEqual(optional, known, environment);
  }
});
