import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { postWebhook } from "../src/post-webhook.ts";
import { type Receiver, startReceiver } from "./receiver.fixture.ts";

let receiver: Receiver;

before(async () => {
  receiver = await startReceiver();
});

after(() => receiver[Symbol.asyncDispose]());

const base = { body: "{}", key: "k", secret: undefined, timeoutMs: 300, now: new Date() };

test("a name that leads to the own machine is refused when the socket is opened, and nothing is sent", async () => {
  const url = `https://localhost:${receiver.port}/`;
  await assert.rejects(postWebhook({ ...base, url, reach: "none" }), { reason: "ADDRESS_NOT_REACHABLE" });
  await assert.rejects(postWebhook({ ...base, url: "http://hooks.example/", reach: "none" }), {
    reason: "HTTPS_REQUIRED",
  });
  assert.equal(receiver.deliveries.length, 0);
  await postWebhook({ ...base, url: `http://localhost:${receiver.port}/`, reach: "loopback" });
  assert.equal(receiver.deliveries.length, 1);
  assert.equal(receiver.deliveries[0]?.headers["agentmesh-signature"], undefined);
});

test("a receiver that does not answer in time, is away or sends without an end holds nobody up", async () => {
  const to = { ...base, url: receiver.url, reach: "loopback" } as const;
  receiver.answer = () => undefined;
  await assert.rejects(postWebhook(to), { code: "UNAVAILABLE", message: /no answer within 300 ms/ });
  receiver.answer = (response) => void response.writeHead(200).write("and on, and on …");
  await postWebhook(to);
  receiver.answer = (response) => response.writeHead(307, { location: receiver.url }).end();
  await assert.rejects(postWebhook(to), { reason: "STATUS", message: /answered 307; expected 2xx/ });
  await assert.rejects(postWebhook({ ...to, url: "http://127.0.0.1:1/" }), { code: "UNAVAILABLE" });
});
