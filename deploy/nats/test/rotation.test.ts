// Keys come and go on a server that runs: nobody else notices.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stepsTo } from "@agentmesh/publishers";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { newKey, publisher, startTestServer } from "./server.ts";

/** How long until the connection is closed, in milliseconds. */
async function cutOff(nc: NatsConnection): Promise<number> {
  const began = performance.now();
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(new Error("still connected after 5 s")), 5_000);
  await Promise.race([nc.closed(), timer.promise]).finally(() => clearTimeout(timeout));
  return performance.now() - began;
}

test("two keys overlap; the revoked one is cut off within a second and everybody else stays", async (t) => {
  const [old, fresh, shopKey] = [newKey(), newKey(), newKey()];
  const shop = publisher("acme.shop", [shopKey]);
  await using server = await startTestServer([publisher("acme.helpdesk", [old]), shop]);
  const withOld = await server.withSeed(old.seed);
  const bystanders = await Promise.all([server.withSeed(shopKey.seed), server.as("cost"), server.as("auth")]);
  await assert.rejects(server.withSeed(fresh.seed), "not issued yet");

  await server.setPublishers([publisher("acme.helpdesk", [old, fresh]), shop]);
  const withFresh = await server.withSeed(fresh.seed);
  for (const nc of [withOld, withFresh]) await jetstream(nc).publish("evt.ticket.opened.1", "{}");

  const cut = cutOff(withOld);
  await server.setPublishers([publisher("acme.helpdesk", [fresh]), shop]);
  const tookMs = await cut;
  t.diagnostic(`cut off after ${tookMs.toFixed(0)} ms`);
  assert.ok(tookMs < 1_000, `${tookMs.toFixed(0)} ms`);
  await assert.rejects(server.withSeed(old.seed));
  for (const nc of [withFresh, ...bystanders]) {
    await nc.flush();
    assert.equal(nc.isClosed(), false);
    await nc.close();
  }
});

test("other limits hold for a connection that is open", async () => {
  const key = newKey();
  await using server = await startTestServer([publisher("acme.shop", [key])]);
  const nc = await server.withSeed(key.seed, { reconnect: true, reconnectTimeWait: 50, maxReconnectAttempts: 100 });
  const js = jetstream(nc, { timeout: 1_000 });
  await js.publish("evt.payment.made.1", "{}");
  await server.setPublishers([publisher("acme.shop", [key], ["order.placed"])]);
  await assert.rejects(js.publish("evt.payment.made.2", "{}"));
  await js.publish("evt.order.placed.1", "{}");
  await nc.close();
  const subjects = (await server.stored(1)).map(({ subject }) => subject);
  assert.deepEqual(subjects, ["evt.acme.shop.payment.made.1", "evt.acme.shop.order.placed.1"]);
});

test("publishers, services and watchers go on through forty reloads without a loss or a reconnect", async (t) => {
  const [deskKey, shopKey] = [newKey(), newKey()];
  const stable = [publisher("acme.helpdesk", [deskKey]), publisher("acme.shop", [shopKey], ["order.placed"])];
  await using server = await startTestServer(stable);
  const desk = await server.withSeed(deskKey.seed);
  const shop = await server.withSeed(shopKey.seed);
  const cost = await server.as("cost");
  let reloading = true;
  const keepPublishing = async (nc: NatsConnection, prefix: string) => {
    const js = jetstream(nc, { timeout: 1_000 });
    let repeated = 0;
    let sent = 0;
    for (; reloading || sent === 0; sent++) {
      // An acknowledgement that got lost is asked for again, under the event's id, as every publisher has to do.
      for (let tries = 0; ; tries++) {
        try {
          await js.publish(`${prefix}.${sent}`, "{}", { msgID: `${prefix}.${sent}` });
          break;
        } catch (error) {
          if (tries > 3) throw error;
          repeated++;
        }
      }
    }
    return { sent, repeated };
  };
  const running = [
    keepPublishing(desk, "evt.ticket.opened"),
    keepPublishing(shop, "evt.order.placed"),
    keepPublishing(cost, "evt.acme.cost.budget.threshold.crossed"),
  ];
  for (let round = 0; round < 40; round++) {
    await server.setPublishers(round % 2 === 0 ? [...stable, publisher("beta.guest", [newKey()])] : stable);
  }
  reloading = false;
  const results = await Promise.all(running);
  const sent = results.reduce((sum, each) => sum + each.sent, 0);
  const repeated = results.reduce((sum, each) => sum + each.repeated, 0);
  t.diagnostic(`${sent} events over 40 reloads, ${repeated} asked for again`);
  assert.equal(await server.lastSeq(), sent);
  for (const nc of [desk, shop, cost]) {
    assert.equal(nc.isClosed(), false);
    assert.equal(nc.stats().outMsgs > 0, true);
    await nc.close();
  }
});

test("a publisher without a key left cannot sign in, and its name is still taken up by nobody", async () => {
  const key = newKey();
  await using server = await startTestServer([publisher("acme.helpdesk", [key])]);
  const nc = await server.withSeed(key.seed);
  const cut = cutOff(nc);
  await server.setPublishers([publisher("acme.helpdesk", [])]);
  assert.ok((await cut) < 1_000);
  await assert.rejects(server.withSeed(key.seed));
});

for (const types of [[], ["order.placed"], ["order.>"]]) {
  test(`a publisher of ${types.join() || "every type"} that is new publishes as soon as it has its key, on a server that runs`, async () => {
    const [deskKey, shopKey] = [newKey(), newKey()];
    const desk = publisher("acme.helpdesk", [deskKey]);
    await using server = await startTestServer([desk]);
    const after = [desk, publisher("acme.shop", [shopKey], types)];
    for (const step of stepsTo([desk], after)) await server.setPublishers(step);
    const nc = await server.withSeed(shopKey.seed);
    await jetstream(nc).publish("evt.order.placed.1", "{}");
    assert.deepEqual(await server.stored(1), [{ subject: "evt.acme.shop.order.placed.1", text: "{}" }]);
    await nc.close();
  });
}
