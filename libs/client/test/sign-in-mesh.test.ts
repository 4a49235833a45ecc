// Signing in to a real mesh as from elsewhere: over TLS, with a browser, with a second factor.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createServer } from "node:tls";
import { eventually } from "@agentmesh/harness";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { totp } from "./authenticator.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { type Meshctl, meshctl } from "./meshctl.ts";
import { browse, loopback, type OidcProvider, oidcClient, startOidcProvider } from "./oidc-provider.ts";

const stack = new AsyncDisposableStack();
let mesh: RunningMesh;
let provider: OidcProvider;
let certificates: Certificates;
let admin: Meshctl;
/** The gateway behind TLS, as an ingress would put it. */
let address: string;

before(async () => {
  const root = mkdtempSync(join(tmpdir(), "meshctl-sign-in-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const secrets = join(root, "identity");
  mkdirSync(secrets);
  writeFileSync(join(secrets, "acme.corp"), `${oidcClient.secret}\n`);
  certificates = makeCertificates(root);
  provider = stack.use(await startOidcProvider());
  const env = { IDENTITY_SECRETS_DIR: secrets, IDENTITY_PRIVATE_HOSTS: "localhost" };
  mesh = stack.use(await startMesh({ root: join(root, "mesh"), quiet: true, env }));
  address = await openTls();
  admin = stack.use(meshctl());
  const login = ["login", "--address", address, "--ca", certificates.authority.certFile, "--tenant", mesh.tenant];
  const password = { AGENTMESH_PASSWORD: mesh.adminPassword };
  const { code, err } = await admin.with({ env: password }, ...login, "--username", mesh.adminUsername);
  assert.equal(code, 0, err);
});
after(() => stack.disposeAsync());

async function openTls(): Promise<string> {
  const [host = "", port = ""] = mesh.gatewayAddress.split(":");
  const { key, cert } = certificates.gateway;
  const server = createServer({ key, cert, ALPNProtocols: ["h2"] }, (outside) => {
    const inside = createConnection({ host, port: Number(port) });
    outside.pipe(inside).pipe(outside);
    for (const [one, other] of [
      [outside, inside],
      [inside, outside],
    ] as const)
      one.on("error", () => other.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => void server.close());
  const own = server.address();
  return `https://localhost:${typeof own === "object" ? own?.port : 0}`;
}

async function ok(run: Meshctl, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, `meshctl ${args.join(" ")}: ${err}${out}`);
  return out;
}

test("the real gateway behind TLS: lists, streams and any RPC", async () => {
  assert.match(await ok(admin, "mesh"), /^gateway +serving/m);
  assert.match(await ok(admin, "api", "auth/WhoAmI"), /"username": "admin"/);
  assert.match(await ok(admin, "profile"), /https:\/\/localhost:\d+ +acme +admin +own CA$/m);
});

test("a browser signs in at the company's provider, under a profile of its own", async () => {
  const file = join(admin.home, "corp.yaml");
  const spec = {
    type: "oidc",
    issuer: provider.issuer,
    clientId: oidcClient.id,
    redirectUris: [loopback],
    groups: [{ group: "mesh-operators", roles: ["operator"] }],
  };
  writeFileSync(file, JSON.stringify({ kind: "IdentityProvider", name: "corp", spec }));
  await ok(admin, "apply", "-f", file);
  using ada = meshctl();
  const place = ["--address", address, "--tenant", mesh.tenant, "--ca", certificates.authority.certFile];
  await ok(ada, "profile", "add", "work", ...place);
  let page: Promise<string> | undefined;
  const converse = (said: string) => {
    const [url] = /http:\/\/localhost:\d+\/auth\?\S+/.exec(said) ?? [];
    if (url) page ??= browse(url, "ada");
  };
  const done = await eventually(
    async () => {
      const result = await ada.with({ converse }, "login", "--profile", "work", "--browser", "corp");
      return result.code === 0 && result;
    },
    { what: "auth to know the provider", timeoutMs: 30_000 },
  );
  assert.match(done.out, /^Signed in to https:\/\/localhost:\d+ as ada of acme \(operator\)\.$/m);
  assert.match((await page) ?? "", /go back to the terminal/);
  assert.match(await ok(ada, "whoami", "--profile", "work"), /^roles +operator$/m);
});

test("a second factor is set up, asked for, and stands in once with a recovery code", async () => {
  const password = "a password of sonia";
  assert.equal((await admin.with({ input: `${password}\n` }, "users", "create", "sonia", "-r", "operator")).code, 0);
  using sonia = meshctl();
  const ca = ["--ca", certificates.authority.certFile];
  const enter = ["login", "--address", address, ...ca, "--tenant", mesh.tenant, "--username", "sonia"];
  const env = { AGENTMESH_PASSWORD: password };
  assert.equal((await sonia.with({ env }, ...enter)).code, 0);
  let secret = "";
  const setUp = await sonia.with(
    {
      converse: (said, type) => {
        const [found] = /^ {2}([A-Z2-7]{16,})$/m.exec(said)?.slice(1) ?? [];
        if (!found || secret !== "") return;
        secret = found;
        type(totp(secret, 0));
      },
    },
    ...["mfa", "set-up"],
  );
  assert.equal(setUp.code, 0, setUp.err);
  const codes = setUp.out.trim().split("\n");
  assert.equal(codes.length, 10);
  assert.match(await ok(sonia, "whoami"), /second factor +given/, "setting it up counts as giving it");
  const refused = await sonia.with({ env }, ...enter);
  assert.deepEqual([refused.code, /second factor/.test(refused.err)], [3, true]);
  assert.equal((await sonia.with({ env }, ...enter, "--code", totp(secret, 1))).code, 0);
  assert.equal((await sonia.with({ env }, ...enter, "--code", totp(secret, 1))).code, 3, "a code counts once");
  assert.equal((await sonia.with({ env }, ...enter, "--code", codes[0] ?? "")).code, 0);
  assert.equal((await sonia.with({ env }, ...enter, "--code", codes[0] ?? "")).code, 3);
});
