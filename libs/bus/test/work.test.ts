import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { type Bus, pullWork, WORK_STREAM, type WorkMessage } from "../src/index.ts";
import { openBus } from "./open.ts";

let environment: TestEnvironment;
let bus: Bus;

before(async () => {
  environment = await testEnvironment("agent-runner", { postgres: false, redis: false });
  bus = await openBus(environment, "agent-runner");
});
after(async () => {
  await bus[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

/** A runner with so many places; work stays in its hands until it is let go. */
function runner(places: number) {
  const held: WorkMessage[] = [];
  const done: string[] = [];
  let most = 0;
  let wake = () => {};
  return {
    done,
    held,
    get most() {
      return most;
    },
    credit: () => places - held.length,
    onCredit: () => new Promise<void>((resolve) => (wake = resolve)),
    handle(messages: readonly WorkMessage[]) {
      held.push(...messages);
      most = Math.max(most, held.length);
    },
    finishOne() {
      const message = held.shift();
      if (!message) return;
      message.ack();
      done.push(Buffer.from(message.data).toString());
      wake();
    },
  };
}

async function publish(queue: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `${queue}-${i}`);
  await Promise.all(names.map((name) => bus.js.publish(`wf.${queue}.acme`, name)));
  return names;
}

test("no more is taken than there are places, and everything is done once", async () => {
  const names = await publish("credit", 60);
  const one = runner(3);
  const two = runner(5);
  const options = { durable: "credit", filter: "wf.credit.>" };
  await using _first = pullWork(bus, { ...options, ...one });
  await using _second = pullWork(bus, { ...options, ...two });
  await eventually(() => one.held.length === 3 && two.held.length === 5, { what: "all places to be taken" });
  assert.equal((await bus.jsm.consumers.info(WORK_STREAM, "credit")).num_ack_pending, 8);
  await eventually(
    () => {
      while (one.held.length > 0) one.finishOne();
      while (two.held.length > 0) two.finishOne();
      return one.done.length + two.done.length === 60;
    },
    { what: "all the work", timeoutMs: 30_000 },
  );
  assert.deepEqual([...one.done, ...two.done].sort(), names.sort());
  assert.deepEqual([one.most, two.most], [3, 5]);
});

test("what a stopped runner had not started is given to another", async () => {
  const names = await publish("handed", 4);
  const stopping = runner(2);
  const staying = runner(10);
  const options = { durable: "handed", filter: "wf.handed.>" };
  const first = pullWork(bus, { ...options, ...stopping });
  await eventually(() => stopping.held.length === 2, { what: "both places to be taken" });
  const startedAtMs = performance.now();
  await first[Symbol.asyncDispose]();
  assert.ok(performance.now() - startedAtMs < 1000);
  for (const message of stopping.held) message.nak();
  await using _second = pullWork(bus, { ...options, ...staying });
  await eventually(() => staying.held.length === 4, { what: "all of them" });
  assert.deepEqual(staying.held.map((message) => Buffer.from(message.data).toString()).sort(), names);
  while (staying.held.length > 0) staying.finishOne();
});

test("a handler that throws does not end the process; its work comes again", async () => {
  await publish("thrown", 1);
  const steady = runner(1);
  let throws = 1;
  await using _work = pullWork(bus, {
    durable: "thrown",
    filter: "wf.thrown.>",
    ...steady,
    handle(messages) {
      if (throws-- > 0) throw new Error("a defect");
      steady.handle(messages);
    },
  });
  await eventually(() => steady.held.length === 1, { what: "the second delivery" });
  steady.finishOne();
});

test("the loss of the consumer, of the stream and of the server is lived through", async () => {
  const steady = runner(10);
  await using _work = pullWork(bus, { durable: "lost", filter: "wf.lost.>", ...steady });
  const arrives = async (what: string) => {
    await eventually(
      async () => {
        await bus.ensureStreams();
        return await publish("lost", 1);
      },
      { what: "the publish", timeoutMs: 20_000 },
    );
    await eventually(() => steady.held.length > 0, { what: `work after ${what}`, timeoutMs: 20_000 });
    while (steady.held.length > 0) steady.finishOne();
  };
  await arrives("the start");
  await bus.jsm.consumers.delete(WORK_STREAM, "lost");
  await arrives("the loss of the consumer");
  await bus.jsm.streams.delete(WORK_STREAM);
  await arrives("the loss of the stream");
  await environment.nats.kill();
  await environment.nats.restart();
  await arrives("a kill of the server");
});

test("work that ends while it begins ends at once", async () => {
  for (let i = 0; i < 10; i++) {
    const work = pullWork(bus, { durable: "brief", filter: "wf.brief.>", ...runner(1) });
    for (let turn = 0; turn < i * 40; turn++) await Promise.resolve();
    const startedAtMs = performance.now();
    await work[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAtMs < 1000);
  }
});
