// What a user does wrong, at the edge of a running mesh: each is refused with words that help, and nothing breaks.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type MeshClient } from "@agentmesh/client";
import type { RunningMesh } from "@agentmesh/local";
import { credentials, Client as GrpcClient, Metadata, type ServiceError } from "@grpc/grpc-js";
import { adminClient, testMesh } from "./mesh.ts";

let mesh: RunningMesh;
let client: MeshClient;

before(async () => {
  mesh = await testMesh();
  client = await adminClient(mesh);
});

after(async () => {
  await client?.[Symbol.asyncDispose]();
  await mesh?.[Symbol.asyncDispose]();
});

function apply(yaml: string, env: Record<string, string> = {}) {
  const path = join(mesh.root, "bad.yaml");
  writeFileSync(path, yaml);
  return client.applyFile(path, env);
}

test("malformed YAML says where", async () => {
  await assert.rejects(apply("kind: Agent\nname: [x\n"), { code: "INVALID_ARGUMENT", message: /bad\.yaml:\d+:\d+/ });
});

test("an unknown field is named, and nothing is applied", async () => {
  await assert.rejects(apply("kind: Agent\nname: a\nspec: { instructions: hi, temprature: 1 }"), {
    message: /Agent\/a.*unknown field "temprature"/,
  });
  await assert.rejects(client.runner.getResource({ kind: "Agent", name: "a" }), { code: "NOT_FOUND" });
});

test("a missing variable is named with its path", async () => {
  await assert.rejects(apply(`kind: Agent\nname: a\nspec: { instructions: "\${NOWHERE}" }`), {
    message: /spec\.instructions: the environment variable NOWHERE is not set/,
  });
});

test("a workflow in a circle is refused and the circle is shown", async () => {
  const step = (id: string, needs: string) =>
    `{ id: ${id}, kind: emit, dependsOn: [${needs}], event: { type: x.y, key: k }, input: {} }`;
  await assert.rejects(apply(`kind: Workflow\nname: circle\nspec: { steps: [${step("a", "b")}, ${step("b", "a")}] }`), {
    code: "INVALID_ARGUMENT",
    message: /a.*b.*a/,
  });
});

test("an agent with an unknown tool is refused and the tool is named", async () => {
  await assert.rejects(apply("kind: Agent\nname: a\nspec: { instructions: hi, tools: [hammer] }"), {
    message: /hammer/,
  });
});

test("an unknown kind is refused before anything is applied", async () => {
  await assert.rejects(apply("kind: Agent\nname: first\nspec: { instructions: hi }\n---\nkind: Agnet\nname: b"), {
    message: /unknown kind "Agnet"/,
  });
  await assert.rejects(client.runner.getResource({ kind: "Agent", name: "first" }), { code: "NOT_FOUND" });
});

test("no token, a bad token, a foreign token", async () => {
  await using stranger = connect({ address: mesh.gatewayAddress });
  await assert.rejects(stranger.auth.whoAmI({}), { code: "UNAUTHENTICATED" });
  stranger.setToken("a.b.c");
  await assert.rejects(stranger.auth.whoAmI({}), { code: "UNAUTHENTICATED" });
  const none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ1c2VyOjEiLCJ0bnQiOiJhY21lIiwiYXVkIjoiZ2F0ZXdheSJ9.";
  stranger.setToken(none);
  await assert.rejects(stranger.auth.whoAmI({}), { code: "UNAUTHENTICATED" });
  await assert.rejects(
    stranger.auth.signIn({ tenant: "other", username: mesh.adminUsername, password: mesh.adminPassword }),
    {
      code: "UNAUTHENTICATED",
    },
  );
});

test("bytes that are not protobuf are refused and the edge lives on", async () => {
  const raw = new GrpcClient(mesh.gatewayAddress, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("x-request-id", "fuzz");
  const error = await new Promise<ServiceError | null>((resolve) => {
    raw.makeUnaryRequest(
      "/agentmesh.auth.v1.AuthService/SignIn",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.from("ffffffffff0a", "hex"),
      metadata,
      { deadline: Date.now() + 5000 },
      (failure) => resolve(failure),
    );
  });
  raw.close();
  assert.ok(error, "garbage is refused");
  assert.equal((await client.auth.whoAmI({})).username, mesh.adminUsername);
});

async function http(path: string, init: RequestInit = {}) {
  const response = await fetch(`${mesh.httpUrl}${path}`, init);
  return { status: response.status, body: await response.text() };
}

test("over HTTP: an oversize body, broken JSON, an unknown field, path and verb, each with its own answer", async () => {
  const post = (body: string) =>
    http("/v1/auth/sign-in", { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal((await post(JSON.stringify({ username: "x".repeat(3_000_000) }))).status, 413);
  assert.equal((await post("{nope")).status, 400);
  const unknown = await post(JSON.stringify({ usernme: "x" }));
  assert.equal(unknown.status, 400);
  assert.match(unknown.body, /usernme/);
  assert.equal((await http("/v1/nothing")).status, 404);
  assert.equal((await http("/v1/auth/sign-in")).status, 405);
  assert.equal((await http("/v1/auth/me")).status, 401);
});

test("internal RPCs do not exist for callers from outside", async () => {
  const raw = new GrpcClient(mesh.gatewayAddress, credentials.createInsecure());
  const error = await new Promise<ServiceError | null>((resolve) => {
    raw.makeUnaryRequest(
      "/agentmesh.cost.v1.CostService/Hold",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      Buffer.alloc(0),
      new Metadata(),
      { deadline: Date.now() + 5000 },
      (failure) => resolve(failure),
    );
  });
  raw.close();
  assert.equal(error?.code, 12);
});
