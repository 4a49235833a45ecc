import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { serviceNames } from "@agentmesh/istio/who-calls-whom";
import { parse } from "yaml";
import { z } from "zod";
import { toolPath } from "../src/config.ts";
import { findTool } from "../src/find-tool.ts";

const rootDir = dirname(dirname(import.meta.dirname));
const deployDir = join(rootDir, "deploy");
const servers = ["postgres", "nats", "redis"];
const jobs = ["prepare", "provision", "publisher"];

const build = z.strictObject({
  context: z.literal("."),
  dockerfile: z.literal("deploy/Dockerfile"),
  target: z.string(),
  args: z.strictObject({ SERVICE: z.string() }).optional(),
});
const condition = z.strictObject({ condition: z.enum(["service_healthy", "service_completed_successfully"]) });
const compose = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      build: build.optional(),
      user: z.string(),
      read_only: z.literal(true),
      cap_drop: z.tuple([z.literal("ALL")]),
      security_opt: z.array(z.string()),
      environment: z.record(z.string(), z.string()).default({}),
      entrypoint: z.array(z.string()).optional(),
      command: z.array(z.string()),
      volumes: z.array(z.string()),
      ports: z.array(z.string()).default([]),
      depends_on: z.record(z.string(), condition).default({}),
      stop_grace_period: z.string().optional(),
      healthcheck: z.union([
        z.strictObject({ disable: z.literal(true) }),
        z.object({ test: z.array(z.string()), interval: z.string(), timeout: z.string(), retries: z.int() }),
      ]),
    }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});

// Anchors expand a few times each; the bound is the parser's guard against a document that explodes.
const file = parse(readFileSync(join(rootDir, "docker-compose.yml"), "utf8"), { merge: true, maxAliasCount: 200 });
const { services, volumes } = compose.parse(file);

function get(name: string): (typeof services)[string] {
  const service = services[name];
  assert.ok(service, `docker-compose.yml has no service ${name}`);
  return service;
}

test("it holds the servers, the jobs and every service of the mesh", () => {
  assert.deepEqual(Object.keys(services).sort(), [...servers, ...jobs, ...serviceNames].sort());
});

test("nothing runs as root, writes to its root, keeps a capability or gains a privilege", () => {
  for (const [name, service] of Object.entries(services)) {
    assert.match(service.user, /^[1-9]\d*:[1-9]\d*$/, name);
    assert.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
  }
});

test("everything that stays has a health check, and everything waits for what it needs", () => {
  for (const name of [...servers, ...serviceNames]) assert.ok("test" in get(name).healthcheck, name);
  for (const name of jobs) assert.deepEqual(get(name).healthcheck, { disable: true }, name);
  for (const name of servers) {
    assert.deepEqual(get(name).depends_on, { prepare: { condition: "service_completed_successfully" } }, name);
  }
  assert.equal(get("provision").depends_on.postgres?.condition, "service_healthy");
  for (const name of serviceNames) {
    const { depends_on: needs, healthcheck } = get(name);
    assert.equal(needs.provision?.condition, "service_completed_successfully", name);
    assert.equal(needs.nats?.condition, "service_healthy", name);
    assert.equal(needs.redis?.condition, "service_healthy", name);
    assert.ok("test" in healthcheck && healthcheck.test.includes("/readyz"), name);
  }
});

test("only the gateway is reachable from outside, and from this machine only", () => {
  for (const [name, service] of Object.entries(services)) {
    if (name === "gateway") assert.ok(service.ports.every((port) => port.startsWith("127.0.0.1:")));
    else assert.deepEqual(service.ports, [], name);
  }
});

test("images name a version, and ours are built from the one Dockerfile", () => {
  for (const [name, service] of Object.entries(services)) {
    assert.match(service.image, /^[a-z/-]+:\d+(\.\d+)*(-alpine)?$/, name);
    const target = jobs.includes(name) ? "provision" : "service";
    if (!servers.includes(name)) assert.equal(service.build?.target, target, name);
  }
  for (const name of serviceNames) assert.equal(get(name).build?.args?.SERVICE, name);
});

test("a service's share of the secrets is mounted by that service and the job that writes it", () => {
  for (const name of [...servers, ...serviceNames]) {
    const share = `${name}-share`;
    assert.ok(share in volumes, share);
    const mounts = Object.entries(services).filter(([, each]) => each.volumes.some((v) => v.startsWith(`${share}:`)));
    const writers = name === "nats" ? ["prepare", "publisher"] : ["prepare"];
    assert.deepEqual(mounts.map(([user]) => user).sort(), [name, ...writers].sort());
    assert.ok(get(name).volumes.includes(`${share}:/run/agentmesh:ro`), name);
    assert.ok(get("prepare").volumes.includes(`${share}:/shares/${name}`), name);
  }
});

test("a service is told everything it is configured by", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "agentmesh-compose-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const prepare = [join(deployDir, "compose/prepare.ts"), join(folder, "state"), join(folder, "shares")];
  // Twice: a second `up` finds the files of the first.
  for (const _ of [1, 2]) {
    const run = spawnSync(process.execPath, prepare, { encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
  }
  const contract = [
    ...["AGENTMESH_ENVIRONMENT", "LISTEN_HOST", "GRPC_PORT", "ADMIN_PORT", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    ...["POSTGRES_URL", "NATS_URL", "REDIS_URL", "WORKLOAD_KEY_FILE", "WORKLOAD_TRUST_FILE", "MASTER_KEY_FILE"],
    ...serviceNames.map((name) => `${name.toUpperCase().replaceAll("-", "_")}_ADDRESS`),
  ];
  const extra: Record<string, string[]> = {
    gateway: ["HTTP_PORT", "AUDIT_SPOOL_DIR"],
    auth: ["BOOTSTRAP_TENANT", "BOOTSTRAP_ADMIN_USERNAME", "BOOTSTRAP_ADMIN_PASSWORD"],
    "agent-runner": ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"],
  };
  for (const name of serviceNames) {
    const share = readFileSync(join(folder, "shares", name, "service.env"), "utf8");
    const fromShare = share.split("\n").map((line) => line.split("=")[0] ?? "");
    const told = new Set([...Object.keys(get(name).environment), ...fromShare]);
    assert.deepEqual(
      [...contract, ...(extra[name] ?? [])].filter((variable) => !told.has(variable)),
      [],
      name,
    );
    assert.match(share, new RegExp(`^POSTGRES_URL=postgres://mesh_${name.replaceAll("-", "_")}:`), name);
    assert.match(share, new RegExp(`^NATS_URL=nats://${name}:`, "m"), name);
  }
});

test("a publisher gets its key from the job, which writes what NATS reads and no more; preparing again keeps it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "agentmesh-compose-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const prepare = [join(deployDir, "compose/prepare.ts"), join(folder, "state"), join(folder, "shares")];
  assert.equal(spawnSync(process.execPath, prepare).status, 0);
  const { environment, volumes, entrypoint = [] } = get("publisher");
  assert.deepEqual(volumes, ["nats-share:/shares/nats"]);
  const file = (environment.AGENTMESH_PUBLISHERS ?? "").replace("/shares", join(folder, "shares"));
  const job = [...entrypoint.slice(1), "issue", "shop"];
  const run = spawnSync(process.execPath, job, {
    cwd: rootDir,
    env: { AGENTMESH_PUBLISHERS: file, HOME: folder },
    encoding: "utf8",
  });
  assert.match(run.stdout, /^SU[A-Z2-7]{56}\n$/, run.stderr);
  assert.equal(spawnSync(process.execPath, prepare).status, 0);
  const conf = readFileSync(join(folder, "shares/nats/publishers.conf"), "utf8");
  assert.match(conf, /"acme\.helpdesk" \{\n.*password/);
  assert.match(conf, /"acme\.shop" \{\n {2}users: \[\{ nkey: U[A-Z2-7]{55}, /);
  assert.match(readFileSync(join(folder, "shares/nats/nats-server.conf"), "utf8"), /include "publishers\.conf"/);
});

test("a container stops no sooner than a pod would", () => {
  for (const name of serviceNames) assert.equal(get(name).stop_grace_period, "40s", name);
});

const docker = findTool("docker", toolPath);
const hasCompose = docker !== undefined && spawnSync(docker, ["compose", "version"]).status === 0;

test("Docker Compose accepts it", { skip: hasCompose ? false : "docker compose not found" }, () => {
  const run = spawnSync(docker ?? "", ["compose", "--project-directory", rootDir, "config", "--quiet"], {
    encoding: "utf8",
  });
  assert.equal(run.status, 0, run.stderr);
});
