// What is sent to make the edge and a proxy before it disagree, as bytes on a socket; and what is meant well beside it.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";
import { numbersFrom } from "./http2-wire.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge({ http: { port: 0, origins: ["https://console.example"] } });
});
after(() => edge[Symbol.asyncDispose]());

const MAX_WAIT_MS = 8_000;

/** Sends bytes and reads to the end of the connection. */
function raw(bytes: string | Buffer, port = edge.gateway.httpPort): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  const chunks: Buffer[] = [];
  socket.setTimeout(MAX_WAIT_MS, () => reject(new Error(`no end after ${MAX_WAIT_MS} ms`)));
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    socket.destroy();
    resolve(Buffer.concat(chunks).toString("latin1"));
  });
  return promise;
}

function get(target: string, more = ""): string {
  return `GET ${target} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer admin\r\nconnection: close\r\n${more}\r\n`;
}

function post(headers: string, body: string): string {
  return `POST /v1/agents/desk:run HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer admin\r\ncontent-type: application/json\r\nconnection: close\r\n${headers}\r\n${body}`;
}

const statusOf = (reply: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1] ?? 0);
const replies = (reply: string) => reply.split("HTTP/1.1 ").length - 1;

test("a body whose end is said in two ways is refused, and what follows it is not a request", async () => {
  const hidden = get("/v1/models");
  const body = '{"text":"?"}';
  const cases = {
    "length and chunked": post(
      `content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n`,
      `0\r\n\r\n${hidden}`,
    ),
    "two lengths": post(`content-length: ${body.length}\r\ncontent-length: 0\r\n`, body + hidden),
    "a list of lengths": post(`content-length: ${body.length}, 0\r\n`, body + hidden),
    "a signed length": post(`content-length: +${body.length}\r\n`, body + hidden),
    "chunked and another coding": post("transfer-encoding: chunked, identity\r\n", `0\r\n\r\n${hidden}`),
    "a blank before the colon": post("transfer-encoding : chunked\r\n", `0\r\n\r\n${hidden}`),
    "a folded header": post("x-a: b\r\n transfer-encoding: chunked\r\n", `0\r\n\r\n${hidden}`),
    "a bare line feed": `GET /v1/models HTTP/1.1\nhost: edge\n\n${hidden}`,
    "a chunk size that is none": post("transfer-encoding: chunked\r\n", `0x5\r\nhello\r\n0\r\n\r\n`),
    "a NUL in a header": post("x-a: b\u0000c\r\n", ""),
    "two hosts": "GET /v1/models HTTP/1.1\r\nhost: edge\r\nhost: other\r\nconnection: close\r\n\r\n",
    "no host": "GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n",
  };
  for (const [name, bytes] of Object.entries(cases)) {
    edge.exchanges.length = 0;
    const reply = await raw(bytes);
    assert.ok(replies(reply) <= 1, `${name}: ${reply}`);
    if (name !== "two hosts") assert.equal(statusOf(reply), 400, `${name}: ${reply}`);
    assert.equal(edge.exchanges.length <= 1, true, name);
  }
});

test("well-formed bodies pass, in one piece or in chunks", async () => {
  const body = '{"text":"?"}';
  assert.equal(statusOf(await raw(post(`content-length: ${body.length}\r\n`, body))), 200);
  const chunks = `5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`;
  assert.equal(statusOf(await raw(post("transfer-encoding: chunked\r\n", chunks))), 200);
});

test("a path that another reader would resolve elsewhere is refused", async () => {
  for (const target of [
    "//v1/models",
    "//evil.example/v1/models",
    "/v1/x/../models",
    "/v1/./models",
    "/v1/%2e%2e/v1/models",
    "/v1/%2E./models",
    "/v1\\models",
    "/v1/models/..",
    "/v1/agents/a%2Fb",
    "/v1/agents/a%5cb",
    "/v1/agents/a%00b",
    "/v1/agents/a%252fb",
    "/v1/agents/a%25252Fb",
    "/v1/%252e%252e/v1/models",
    "http://edge/v1/models",
    "/v1/models#x",
    "//",
    "*",
  ]) {
    edge.exchanges.length = 0;
    const reply = await raw(get(target));
    assert.equal(statusOf(reply), 400, `${target}: ${reply}`);
    assert.equal(edge.exchanges.length, 0, target);
  }
  assert.equal(statusOf(await raw(get("/v1/models"))), 200);
  assert.equal(statusOf(await raw(get("/v1/agent-runs?agent=a%2Fb"))), 200, "queries hold what they like");
});

test("a body that drips, or hides behind extensions of its chunks, is cut off", async () => {
  const chunk = (extension: string) => `5${extension}\r\n{"tex\r\n7\r\nt":"?"}\r\n0\r\n\r\n`;
  const chunked = (extension: string) => post("transfer-encoding: chunked\r\n", chunk(extension));
  assert.equal(statusOf(await raw(chunked(";a=b"))), 200, "an extension is nothing to us");
  edge.exchanges.length = 0;
  assert.ok([400, 413].includes(statusOf(await raw(chunked(`;${"a".repeat(100_000)}`)))));
  await using quick = await edge.another({ requestTimeoutMs: 500 });
  for (const body of [
    post("content-length: 12\r\n", '{"te'),
    post("transfer-encoding: chunked\r\n", "5\r\n{"),
    post("transfer-encoding: chunked\r\n", ""),
    "GET /v1/models HTTP/1.1\r\nhost: edge\r\nx-slow: ",
  ]) {
    assert.equal(statusOf(await raw(body, quick.httpPort)), 408, body);
  }
  assert.equal(edge.exchanges.length, 0, "none of them got as far as the pipeline");
  assert.equal(statusOf(await raw(post("content-length: 12\r\n", '{"text":"?"}'), quick.httpPort)), 200);
});

test("every answer forbids a browser to guess, to frame and to keep", async () => {
  const headers = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
  for (const path of ["/", "/openapi.json", "/v1/models", "/v1/auth/me", "/nothing", "//", "/mcp", "/a2a"]) {
    for (const init of [{}, { headers: asAdmin() }]) {
      const reply = await edge.http(path, init);
      for (const [name, value] of Object.entries(headers))
        assert.equal(reply.headers.get(name), value, `${path} ${name}`);
      assert.equal(reply.headers.get("x-powered-by") ?? reply.headers.get("server"), null);
    }
  }
});

test("headers have a bound, and a request line has one", async () => {
  assert.equal(statusOf(await raw(get("/v1/models", `x-a: ${"a".repeat(17_000)}\r\n`))), 431);
  assert.equal(statusOf(await raw(get(`/v1/models?x=${"a".repeat(9_000)}`))), 400);
  const many = Array.from({ length: 1_200 }, (_, at) => `x-${at}: ${"a".repeat(12)}\r\n`).join("");
  assert.equal(statusOf(await raw(get("/v1/models", many))), 431);
});

test("pages of configured origins may call and read, others may not", async () => {
  const preflight = (origin: string) =>
    edge.http("/v1/models", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });
  const ours = await preflight("https://console.example");
  assert.deepEqual([ours.status, ours.headers.get("access-control-allow-origin")], [204, "https://console.example"]);
  assert.match(ours.headers.get("access-control-allow-headers") ?? "", /authorization/);
  assert.equal(ours.headers.get("access-control-allow-credentials"), null);
  const theirs = await preflight("https://evil.example");
  assert.equal(theirs.headers.get("access-control-allow-origin"), null);
  const read = await edge.http("/v1/models", { headers: asAdmin({ origin: "https://console.example" }) });
  assert.equal(read.headers.get("access-control-allow-origin"), "https://console.example");
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  for (const [origin, status] of [
    ["https://evil.example", 403],
    ["https://console.example", 200],
  ] as const) {
    const headers = asAdmin({ origin, "content-type": "application/json" });
    assert.equal((await edge.http("/mcp", { method: "POST", headers, body: ping })).status, status);
  }
});

const FUZZED = 300;
const SEED = 20_261_120;

test("requests with bytes changed at random never break the edge, nor are its own fault", async () => {
  const body = '{"model":"agent:desk","messages":[{"role":"user","content":"?"}],"stream":false}';
  const seeds = [
    get("/v1/models"),
    get("/v1/agent-runs?agent=desk&page_size=2"),
    post(`content-length: ${body.length}\r\n`, body).replace("/v1/agents/desk:run", "/v1/chat/completions"),
    post(`content-length: ${body.length}\r\n`, body).replace("/v1/agents/desk:run", "/mcp"),
    post("content-length: 12\r\n", '{"text":"?"}'),
  ].map((text) => Buffer.from(text));
  const random = numbersFrom(SEED);
  const pick = (limit: number) => Math.floor(random() * limit);
  for (let at = 0; at < FUZZED; at++) {
    const bytes = Buffer.from(seeds[pick(seeds.length)] ?? "");
    for (let changes = 1 + pick(4); changes > 0; changes--) bytes[pick(bytes.length)] = pick(256);
    // What waits for more of a body is cut short: its end is not the matter here.
    const reply = await Promise.race([raw(bytes), tick()]);
    const status = statusOf(reply);
    assert.ok(status === 0 || (status >= 200 && status < 500), `case ${at}: ${reply}\n${bytes.toString("latin1")}`);
  }
  assert.equal(statusOf(await raw(get("/v1/models"))), 200, "and it goes on");
});

async function tick(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  setTimeout(() => resolve(""), 150).unref();
  return promise;
}
