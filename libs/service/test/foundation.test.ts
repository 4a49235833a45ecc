import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { publishSnapshots, subjectToken } from "@agentmesh/bus";
import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { createMetrics } from "@agentmesh/telemetry";
import { type MeshConfig, openAdminServer, openFoundation } from "../src/index.ts";

let environment: TestEnvironment;
let callers: TestCallers;

before(async () => {
  environment = await testEnvironment("cost", { postgres: false, redis: false });
});
after(async () => {
  await callers?.[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

function config(): MeshConfig {
  return {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
  };
}

test("tokens are trusted once auth's keys are known, and not after a revocation of session or subject", async () => {
  await using base = await openFoundation(config(), "cost");
  await assert.rejects(base.tokens.verify("a.b.c"), { code: "UNAVAILABLE", reason: "SNAPSHOT_STALE" });
  callers = await testCallers(environment);
  const token = await callers.token({ subject: "user:ada" });
  const other = await callers.token({ subject: "user:bob" });
  await eventually(() => base.tokens.verify(token), { what: "the keys" });
  await base.tokens.verify(other);
  await using revocations = await publishSnapshots(base.bus, "revocations", async () => []);
  await revocations.put({ key: `acme.subject.${subjectToken("user:ada")}`, version: 1, value: {} });
  await eventually(
    () =>
      base.tokens.verify(token).then(
        () => false,
        (error) => error.reason === "BAD_TOKEN",
      ),
    {
      what: "the revocation",
    },
  );
  await base.tokens.verify(other);
  await revocations.put({ key: `acme.subject.${subjectToken("user:ada")}`, version: 2, value: undefined });
  await eventually(() => base.tokens.verify(token), { what: "the revocation to be lifted" });
});

test("the admin port answers what it knows and nothing else, and a taken one is said", async () => {
  const options = { host: "127.0.0.1", port: 0, metrics: createMetrics({}) };
  await using admin = await openAdminServer(options);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${admin.port}${path}`);
    return `${response.status} ${(await response.text()).trim()}`;
  };
  assert.equal(await get("/readyz"), "503 starting");
  admin.setReady(true);
  assert.equal(await get("/readyz"), "200 ready");
  let detail = "";
  admin.addDetail(() => detail);
  assert.equal(await get("/readyz"), "200 ready", "no detail, no line");
  detail = "provider x: unhealthy";
  assert.equal(await get("/readyz"), "200 ready\nprovider x: unhealthy");
  detail = "";
  admin.setReady(false, "PostgreSQL does not answer");
  assert.equal(await get("/readyz"), "503 PostgreSQL does not answer");
  assert.equal(await get("/healthz"), "200 ok");
  assert.match(await get("/etc/passwd"), /^404/);
  await assert.rejects(openAdminServer({ ...options, port: admin.port }), {
    code: "FAILED_PRECONDITION",
    reason: "PORT_IN_USE",
  });
});

test("a process started under another's name is refused its own key", async () => {
  await assert.rejects(openFoundation(config(), "gateway"), {
    code: "FAILED_PRECONDITION",
    message: /gateway was given the key of cost; check WORKLOAD_KEY_FILE/,
  });
});
