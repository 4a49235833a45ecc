import assert from "node:assert/strict";
import { once } from "node:events";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { createClient, openChannel } from "@agentmesh/rpc";
import { callerAddress } from "../src/callers/caller-address.ts";
import { readForwarded } from "../src/callers/forwarded-certificate.ts";
import type { RunningGateway } from "../src/service.ts";
import { type Authority, type Issued, makeAuthority } from "./certificates.ts";
import { type EdgeWithAuth, password, startWithAuth } from "./with-auth.ts";

const ingress = "spiffe://cluster.local/ns/istio-ingress/sa/ingress";
const sidecar = `By=spiffe://cluster.local/ns/agentmesh/sa/gateway;Hash=${"a".repeat(64)};Subject="";URI=${ingress}`;

let edge: EdgeWithAuth;
let authority: Authority;
let ci: Issued;
let withTls: RunningGateway;
let behindIngress: RunningGateway;
let admin: { token: string };

before(async () => {
  edge = await startWithAuth();
  const { dir } = edge.environment;
  authority = await makeAuthority(dir, "authority");
  const server = await authority.issue("server", "DNS:localhost");
  ci = await authority.issue("ci", "URI:spiffe://corp/ci,DNS:ci.corp.example,email:ci@corp.example");
  const tls = { certFile: server.certFile, keyFile: server.keyFile, clientCaFile: authority.certFile };
  withTls = await edge.another({ tls });
  behindIngress = await edge.another({
    ingress,
    listen: { host: "0.0.0.0", grpcPort: 0, adminPort: 0 },
  });
  const { accessToken } = await edge.client.signIn({ tenant: "acme", username: "admin", password });
  admin = { token: accessToken };
  await edge.client.createUser({ username: "ci", serviceAccount: true, roles: ["operator"] }, admin);
});
after(() => edge[Symbol.asyncDispose]());

type Headers = Record<string, string | string[]>;
const acme = { "x-agentmesh-tenant": "acme" };

/** Who the edge says the holder of a certificate is, or why it says nobody. */
async function overTls(certificate: Issued | undefined, headers: Headers = acme): Promise<string> {
  const shown = certificate && { key: certificate.key, cert: certificate.cert };
  const options = { port: withTls.httpPort, ca: authority.cert, agent: false, headers, ...shown };
  return said(requestHttps({ host: "localhost", path: "/v1/auth/me", ...options }));
}

async function forwarded(headers: Headers, options: { port?: number; host?: string } = {}): Promise<string> {
  const { port = behindIngress.httpPort, host = "127.0.0.1" } = options;
  return said(requestHttp({ host, port, path: "/v1/auth/me", agent: false, headers }));
}

async function said(request: ReturnType<typeof requestHttp>): Promise<string> {
  request.end();
  const [response] = await once(request, "response");
  const body = JSON.parse(await text(response));
  return response.statusCode === 200 ? body.subject : `${response.statusCode} ${body.reason ?? body.error?.reason}`;
}

async function registered(name: object, username = "ci"): Promise<string> {
  return (await edge.client.registerCertificate({ username, ...name }, admin)).id;
}

async function removed(id: string): Promise<void> {
  await edge.client.removeCertificate({ id }, admin);
}

const refused = "401 BAD_CERTIFICATE";

test("a certificate of our authority is whom an admin registered it for, by any of its names, until that is taken back", async () => {
  const names = (shown: Issued) => [
    { uri: "spiffe://corp/ci" },
    { dns: "CI.corp.example" },
    { email: "ci@CORP.example" },
    { sha256: shown.sha256.toUpperCase().replace(/(..)(?=.)/g, "$1:") },
    { pem: shown.cert },
  ];
  for (const which of names(ci).keys()) {
    // Another one each time: the edge remembers a refusal for two seconds.
    const shown = await authority.issue(
      `ci-${which}`,
      "URI:spiffe://corp/ci,DNS:ci.corp.example,email:ci@corp.example",
    );
    const id = await registered(names(shown)[which] ?? {});
    assert.equal(await overTls(shown), "svc:ci", `name ${which}`);
    await removed(id);
    const startedMs = Date.now();
    await eventually(async () => (await overTls(shown)) === refused, { what: "the end of the registration" });
    assert.ok(Date.now() - startedMs < 1_000);
  }
});

test("without TLS names, tenant or an authority we know a certificate is nobody; a token beside it goes before", async () => {
  const id = await registered({ uri: "spiffe://corp/ci" });
  const stranger = await makeAuthority(edge.environment.dir, "stranger");
  assert.equal(await overTls(ci), "svc:ci");
  assert.equal(await overTls(undefined), "401 NO_CREDENTIAL");
  assert.equal(await overTls(ci, {}), refused);
  assert.equal(await overTls(ci, { "x-agentmesh-tenant": "globex" }), refused);
  assert.equal(await overTls(ci, { "x-agentmesh-tenant": ["acme", "globex"] }), refused);
  assert.equal(await overTls(await stranger.issue("ci-of-theirs", "URI:spiffe://corp/ci")), refused);
  assert.equal(await overTls(await authority.issue("old", "URI:spiffe://corp/ci", -1)), refused);
  assert.equal(await overTls(await authority.issue("other", "URI:spiffe://corp/ci2")), refused);
  const many = Array.from({ length: 30 }, (_, i) => `DNS:n${i}.corp.example`).join(",");
  assert.equal(await overTls(await authority.issue("many", `${many},URI:spiffe://corp/ci`)), refused);
  const me = await overTls(ci, { ...acme, authorization: `Bearer ${admin.token}` });
  assert.match(me, /^user:/);
  // A forged header over TLS of our own says nothing: the connection does.
  const header = `Hash=${ci.sha256};URI=spiffe://corp/ci,${sidecar}`;
  assert.equal(await overTls(undefined, { ...acme, "x-forwarded-client-cert": header }), "401 NO_CREDENTIAL");
  await removed(id);
});

test("what the ingress forwards counts over the sidecar; forged by others, by a caller, or where it is off, it does not", async () => {
  const id = await registered({ uri: "spiffe://corp/ci" });
  const client = `By=${ingress};Hash=${ci.sha256};Subject="CN=ci";URI=spiffe://corp/ci;DNS=ci.corp.example`;
  const good = { ...acme, "x-forwarded-client-cert": `${client},${sidecar}` };
  assert.equal(await forwarded(good), "svc:ci");
  assert.equal(await forwarded({ ...good, "x-agentmesh-tenant": "globex" }), refused);
  // A caller that showed the ingress no certificate, and another workload of the mesh that claims to have one.
  assert.equal(await forwarded({ ...acme, "x-forwarded-client-cert": sidecar }), "401 NO_CREDENTIAL");
  const workload = sidecar.replace(ingress, "spiffe://cluster.local/ns/agentmesh/sa/cost");
  const forged = (value: string | string[]) => forwarded({ ...acme, "x-forwarded-client-cert": value });
  assert.equal(await forged(`${client},${workload}`), refused);
  assert.equal(await forged(`${client},${workload};URI=${ingress}`), refused);
  // The sender hidden in quotes, in two headers, after another hop, or said twice.
  assert.equal(await forged(`${client},${sidecar},${workload}`), refused);
  assert.equal(await forged([`${client},${sidecar}`, workload]), refused);
  assert.equal(await forged([client, sidecar]), refused);
  assert.equal(await forged(`${client},${client},${sidecar}`), refused);
  const quoted = `Hash=${"b".repeat(64)};Subject="x,${client},${sidecar}";URI=spiffe://corp/nobody`;
  assert.equal(await forged(`${quoted},${sidecar}`), refused);
  assert.equal(await forged(`${client},Hash=${"a".repeat(64)};Subject="\\",${sidecar}"`), refused);
  assert.equal(await forged(`${client},${sidecar.replace('Subject=""', 'Subject="')}`), refused);
  assert.equal(await forged(`${client}, ${sidecar}`), refused);
  assert.equal(await forged(`${client},${sidecar},`), refused);
  assert.equal(await forged(""), refused);
  assert.equal(await forged(`${client.replace(ci.sha256, "xyz")},${sidecar}`), refused);
  assert.equal(await forged(`${client};Hash=${"c".repeat(64)},${sidecar}`), refused);
  // Where nobody configured it, it is not looked at.
  assert.equal(await forwarded(good, { port: edge.gateway.httpPort }), "401 NO_CREDENTIAL");
  await removed(id);
});

test("what comes to the port from outside of the pod is refused, whatever it says", async (t) => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry && !entry.internal && entry.family === "IPv4")?.address;
  if (!address) return t.skip("this machine has no address but loopback");
  const id = await registered({ uri: "spiffe://corp/ci" });
  const header = `By=${ingress};Hash=${ci.sha256};URI=spiffe://corp/ci,${sidecar}`;
  const headers = { ...acme, "x-forwarded-client-cert": header };
  assert.equal(await forwarded(headers), "svc:ci");
  assert.equal(await forwarded(headers, { host: address }), refused);
  await removed(id);
});

test("gRPC takes what the ingress forwards by the same rules", async () => {
  const id = await registered({ sha256: ci.sha256 });
  await using channel = openChannel({ address: `127.0.0.1:${behindIngress.port}` });
  const client = createClient(authContract, { address: channel });
  const good = { ...acme, "x-forwarded-client-cert": `Hash=${ci.sha256},${sidecar}` };
  assert.equal((await client.whoAmI({}, { metadata: good })).subject, "svc:ci");
  const bad = { ...acme, "x-forwarded-client-cert": `Hash=${ci.sha256},${sidecar.replace(ingress, "spiffe://x/y")}` };
  await assert.rejects(client.whoAmI({}, { metadata: bad }), { code: "UNAUTHENTICATED", reason: "BAD_CERTIFICATE" });
  await removed(id);
});

test("behind the ingress a caller's address is the last the ingress wrote; nobody else's word counts", () => {
  const at = (
    headers: Record<string, string | string[]>,
    peer = "127.0.0.6",
    settings: { ingress?: string } = { ingress },
  ) => callerAddress(settings, { peer, tls: undefined, all: (name) => [headers[name] ?? []].flat() });
  const sent = { "x-forwarded-client-cert": sidecar, "x-forwarded-for": "10.1.1.1, 198.51.100.7" };
  assert.equal(at(sent), "198.51.100.7");
  assert.equal(at({ ...sent, "x-forwarded-for": ["10.1.1.1", "2001:db8::1"] }), "2001:db8::1");
  assert.equal(at(sent, "::ffff:127.0.0.6"), "198.51.100.7");
  assert.equal(at(sent, "10.2.3.4"), "10.2.3.4");
  assert.equal(at(sent, "127.0.0.6", {}), "127.0.0.6");
  assert.equal(at({ ...sent, "x-forwarded-for": "somewhere" }), "127.0.0.6");
  assert.equal(at({ "x-forwarded-for": "198.51.100.7" }), "127.0.0.6");
  const workload = sidecar.replace(ingress, "spiffe://cluster.local/ns/agentmesh/sa/cost");
  assert.equal(at({ ...sent, "x-forwarded-client-cert": workload }), "127.0.0.6");
  assert.equal(at({ ...sent, "x-forwarded-client-cert": [sidecar, sidecar] }), "127.0.0.6");
});

test("elements are read as Envoy writes them, or not at all", () => {
  const hash = "0".repeat(64);
  assert.deepEqual(readForwarded(`Hash=${hash};Subject="a,b;URI=x\\"";URI=spiffe://a/b;DNS=c;DNS=d,Hash=${hash}`), [
    { hash, uris: ["spiffe://a/b"], dnsNames: ["c", "d"] },
    { hash, uris: [], dnsNames: [] },
  ]);
  for (const bad of [
    "",
    ",",
    `Hash=${hash},`,
    `Hash=${hash};`,
    `hash=${hash}`,
    `Hash="${hash}`,
    `URI=a`,
    `X=1;Hash=${hash}`,
  ]) {
    assert.equal(readForwarded(bad), undefined, bad);
  }
  assert.equal(readForwarded(Array.from({ length: 11 }, () => `Hash=${hash}`).join(",")), undefined);
});
