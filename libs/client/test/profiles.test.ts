// Several meshes, and the way to each: addresses, certificates, sessions.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ServerCredentials } from "@grpc/grpc-js";
import { connect, readGatewayAddress } from "../src/index.ts";
import { profileFile } from "../src/meshctl/profile.ts";
import { makeCertificates } from "./certificates.ts";
import { meshctl } from "./meshctl.ts";
import { type StandIn, startStandIn } from "./stand-in.ts";

const folder = mkdtempSync(join(tmpdir(), "meshctl-profiles-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const { authority, gateway, person } = makeCertificates(folder);

function answerAs(mesh: StandIn, username: string): string[] {
  const seen: string[] = [];
  mesh.on("auth/SignIn", () => ({ accessToken: `access-${username}`, refreshToken: "r", expiresInS: 900 }));
  mesh.on("auth/SignOut", () => ({ sessionsEnded: 1 }));
  mesh.on("auth/WhoAmI", (_request, metadata) => {
    seen.push(String(metadata.get("authorization")[0] ?? metadata.get("x-api-key")[0]));
    return { tenant: "acme", subject: "user:1", username, roles: ["operator"] };
  });
  return seen;
}

const secure = () =>
  startStandIn(ServerCredentials.createSsl(null, [{ private_key: gateway.key, cert_chain: gateway.cert }], false));

test("two meshes side by side: each has its session, one is in use, and a name said once is another", async () => {
  await using stage = await startStandIn();
  await using prod = await startStandIn();
  using run = meshctl();
  const [onStage, onProd] = [answerAs(stage, "ada"), answerAs(prod, "root")];
  const env = { AGENTMESH_PASSWORD: "a password" };
  const login = ["login", "--tenant", "acme", "--username", "ada"];
  assert.equal((await run.with({ env }, ...login, "--address", stage.address)).code, 0);
  assert.match((await run("profile", "add", "prod", "--address", prod.address)).out, /^prod is 127/);
  const early = await run("whoami", "--profile", "prod");
  assert.deepEqual([early.code, early.err.split("\n")[0]], [3, "meshctl: nobody is signed in with the profile prod"]);
  const signedIn = await run.with({ env }, ...login, "--profile", "prod");
  assert.match(signedIn.err, /used with --profile prod, or from now on with: meshctl profile use prod/);
  assert.equal(statSync(profileFile(run.home, "prod")).mode & 0o777, 0o600);

  await run("whoami");
  await run("--profile", "prod", "whoami");
  await run("whoami", "--profile=prod");
  assert.equal((await run("profile", "use", "prod")).code, 0);
  await run("whoami");
  await run.with({ env: { AGENTMESH_PROFILE: "default" } }, "whoami");
  assert.deepEqual([onStage.length, onProd.length], [3, 4], "the sign-ins' own, and what each was asked");
  assert.ok(onStage.every((token) => token === "Bearer access-ada") && onProd.every((t) => t === "Bearer access-root"));

  const list = (await run("profile")).out;
  assert.match(list, /^ {3}default +127\.0\.0\.1:\d+ +acme +ada$/m);
  assert.match(list, /^\* {2}prod +127\.0\.0\.1:\d+ +acme +root$/m);
  assert.doesNotMatch((await run("profile", "list", "--json")).out, /access-|refresh/);
  const unknown = await run("whoami", "--profile", "prdo");
  assert.deepEqual([unknown.code, /Did you mean prod\?/.test(unknown.err)], [2, true]);

  assert.equal((await run("logout")).code, 0);
  assert.match((await run("profile")).out, /^\* {2}prod .*not signed in$/m);
  assert.equal((await run("profile", "remove", "prod")).code, 0);
  assert.equal(existsSync(profileFile(run.home, "prod")), false);
  assert.equal((await run("whoami")).code, 0, "default is in use again");
});

test("over TLS: the authority is said once and kept; without it nothing is sent", async () => {
  await using mesh = await secure();
  using run = meshctl();
  const seen = answerAs(mesh, "ada");
  const address = `https://${mesh.address.replace("127.0.0.1", "localhost")}`;
  const input = "mk_1\n";
  const login = ["login", "--address", address, "--api-key", "-"];
  const untrusted = await run.with({ input }, ...login);
  assert.equal(untrusted.code, 1);
  assert.match(untrusted.err, /certificate.*\n {2}say who signed the gateway's certificate: --ca FILE/);
  const plain = await run.with({ input }, "login", "--address", mesh.address, "--api-key", "-");
  assert.equal(plain.code, 1, "in clear to a TLS port");
  assert.deepEqual(seen, []);
  assert.equal((await run.with({ input }, ...login, "--ca", authority.certFile)).code, 0);
  assert.equal((await run("whoami")).code, 0);
  assert.equal((await run("api", "auth/WhoAmI")).code, 0);
  const env = { AGENTMESH_ADDRESS: address, AGENTMESH_API_KEY: "mk_2", AGENTMESH_CA_FILE: authority.certFile };
  using script = meshctl();
  assert.equal((await script.with({ env }, "whoami")).code, 0);
  assert.deepEqual(seen, ["mk_1", "mk_1", "mk_1", "mk_2"]);
});

test("a gateway that asks for a certificate gets ours", async () => {
  const pair = [{ private_key: gateway.key, cert_chain: gateway.cert }];
  await using mesh = await startStandIn(ServerCredentials.createSsl(authority.cert, pair, true));
  using run = meshctl();
  answerAs(mesh, "ada");
  const add = ["profile", "add", "strict", "--address", `https://${mesh.address}`, "--ca", authority.certFile];
  assert.equal((await run(...add, "--cert", person.certFile)).code, 2, "--cert and --key belong together");
  assert.equal((await run(...add, "--cert", person.certFile, "--key", person.keyFile)).code, 0);
  const login = ["login", "--profile", "strict", "--api-key", "-"];
  assert.equal((await run.with({ input: "mk_1\n" }, ...login)).code, 0);
  assert.equal((await run("whoami", "--profile", "strict")).code, 0);
  assert.match((await run("profile")).out, /strict .*own CA, own certificate$/m);
  await using client = connect({
    address: `https://${mesh.address}`,
    tls: { ca: authority.cert.toString(), cert: person.cert.toString(), key: person.key.toString() },
  });
  assert.equal((await client.auth.whoAmI({})).username, "ada");
});

test("a certificate signs in by itself: each call names the tenant, and there is no token to keep", async () => {
  const pair = [{ private_key: gateway.key, cert_chain: gateway.cert }];
  await using mesh = await startStandIn(ServerCredentials.createSsl(authority.cert, pair, true));
  using run = meshctl();
  const seen: unknown[] = [];
  mesh.on("auth/WhoAmI", (_request, metadata) => {
    seen.push([metadata.get("x-agentmesh-tenant"), metadata.get("authorization")]);
    return { tenant: "acme", subject: "user:1", username: "ada", roles: ["operator"] };
  });
  const login = ["login", "--address", `https://${mesh.address}`, "--ca", authority.certFile, "--certificate"];
  assert.match((await run(...login, "--tenant", "acme")).err, /--cert and --key are missing/);
  const own = ["--cert", person.certFile, "--key", person.keyFile];
  assert.match((await run(...login, ...own)).err, /--tenant is missing/);
  assert.equal((await run(...login, ...own, "--tenant", "acme")).code, 0);
  assert.equal((await run("whoami")).code, 0);
  assert.equal((await run("api", "WhoAmI")).code, 0);
  assert.deepEqual(
    seen,
    Array.from({ length: 3 }, () => [["acme"], []]),
  );
  assert.equal((await run("logout")).code, 0);
});

test("addresses that are none, and keys in the command line, are refused before anything is sent", async () => {
  using run = meshctl();
  for (const [address, expected] of [
    ["https://mesh.example.com/v1", /no user, no path/],
    ["https://ada:secret@mesh.example.com", /no user, no path/],
    ["ftp://mesh.example.com", /expected host:port, or https/],
    ["https://a.example.com,b.example.com:1", /all begin with https/],
  ] as const) {
    const { code, err } = await run("profile", "add", "x", "--address", address);
    assert.equal(code, 1);
    assert.match(err, expected);
    assert.doesNotMatch(err, /secret/);
  }
  assert.match(
    (await run("profile", "add", "x", "--address", "h:1", "--ca", authority.certFile)).err,
    /https:\/\/ in front/,
  );
  const argv = await run("login", "--address", "127.0.0.1:1", "--api-key", "mk_secret");
  assert.deepEqual([argv.code, /mk_secret/.test(argv.err)], [2, false]);
  const name = await run("profile", "add", "../x", "--address", "h:1");
  assert.equal(name.code, 2);
  assert.deepEqual(readGatewayAddress("https://mesh.example.com"), { address: "mesh.example.com:443", tls: {} });
  assert.deepEqual(readGatewayAddress("a:1, b:2"), { address: "a:1,b:2" });
});

test("a profile of before there were several is the one named default", async () => {
  await using mesh = await startStandIn();
  using run = meshctl();
  answerAs(mesh, "ada");
  const credential = { kind: "api-key", apiKey: "mk_1" };
  const before = { address: mesh.address, tenant: "acme", username: "ada", credential };
  writeFileSync(join(run.home, "profile.json"), JSON.stringify(before), { mode: 0o600 });
  assert.equal((await run("whoami")).code, 0);
  assert.match((await run("profile")).out, /^\* {2}default .* ada$/m);
  assert.equal(JSON.parse(readFileSync(join(run.home, "profile.json"), "utf8")).tls, undefined);
});
