import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { Redis } from "ioredis";
import { type Asking, answer, ask, type Fleet, keyOf, startFleet, textOf } from "./fleet.ts";

let stack: AsyncDisposableStack;
let fleet: Fleet;
let acme: Asking;
let globex: Asking;

before(async () => {
  stack = new AsyncDisposableStack();
  fleet = await startFleet(stack, 2, { semantic: { exploreShare: 0 } });
  const permissions = ["agent:update", "system:monitor"];
  acme = { token: await fleet.callers.token({ tenant: "acme", permissions }) };
  globex = { token: await fleet.callers.token({ tenant: "globex", permissions }) };
});

after(() => stack.disposeAsync());

test("another wording gets the answer, with how alike it is, then from L1; on the other replica too", async () => {
  const [here, there] = fleet.clients;
  await answer(here, "How do I reset my password?", "Choose forgotten password.", acme);
  const reply = await ask(here, "Could you tell me how I can reset my password?", acme);
  assert.deepEqual([reply.hit, reply.tier, textOf(reply)], [true, "semantic", "Choose forgotten password."]);
  assert.ok(reply.similarity > 0.85 && reply.similarity <= 1.001, `similarity ${reply.similarity}`);
  assert.equal((await ask(here, "Could you tell me how I can reset my password?", acme)).tier, "l1");
  assert.equal((await ask(there ?? here, "how can i reset my password", acme)).tier, "semantic");
});

test("who did not ask for it, other policies and other tenants get nothing of it", async () => {
  const [here] = fleet.clients;
  await answer(here, "What is the refund policy?", "Thirty days.", acme);
  const other = "what's the refund policy";
  assert.equal((await here.lookup({ key: keyOf(other) }, { token: acme.token })).hit, false);
  assert.equal((await ask(here, other, globex)).hit, false);
  const policies = [
    { agent: "a" },
    { agentVersion: 2 },
    { model: "m" },
    { policyHash: "b".repeat(64) },
    { namespace: "n" },
  ];
  for (const more of policies)
    assert.equal((await ask(here, other, { ...acme, more })).hit, false, JSON.stringify(more));
  assert.equal((await ask(here, other, acme)).tier, "semantic");
});

test("what differs in a number, a name, a negation or a direction is refused, and counted", async () => {
  const [here] = fleet.clients;
  const before = (await statsOf()).vetoed;
  await answer(here, "How do I fly from Berlin to Paris in 2 hours?", "By plane.", acme);
  for (const trap of [
    "How do I fly from Paris to Berlin in 2 hours?",
    "How do I fly from Berlin to Paris in 3 hours?",
    "How do I fly from Berlin to Paris in 2 days?",
    "How do I not fly from Berlin to Paris in 2 hours?",
    "How do I fly from Berlin to Rome in 2 hours?",
  ]) {
    assert.equal((await ask(here, trap, acme)).hit, false, trap);
  }
  assert.ok((await statsOf()).vetoed >= before + 5n);
});

test("several turns, data and long texts are only looked up exactly", async () => {
  const [here] = fleet.clients;
  const turns = (text: string) => ({ ...acme, more: { input: JSON.stringify([{ user: "Hi" }, { user: text }]) } });
  await answer(here, "", "x", turns("How do I pay?"));
  assert.equal((await ask(here, "", turns("how do I pay"))).hit, false);
  const long = `How do I pay? ${"I have tried the card. ".repeat(60)}`;
  await answer(here, long, "x", acme);
  assert.equal((await ask(here, `${long}!`, acme)).hit, false);
  assert.equal((await ask(here, long, acme)).hit, true);
});

test("an invalidation of agent, tenant or tag ends its answers for other wordings as well", async () => {
  const [here, there = here] = fleet.clients;
  const people = await fleet.callers.client(cacheContract, fleet.replicas[0]?.port ?? 0);
  const tagged = { ...acme, more: { agent: "tagged" } };
  await answer(here, "Where is the office?", "In Berlin.", acme);
  await answer(here, "Where is the office?", "In Bonn.", tagged, { tags: ["kb"] });
  for (const asking of [acme, tagged]) {
    await eventually(async () => (await ask(there, "where's the office", asking)).hit, {
      what: "the other replica to read it",
    });
  }
  await people.invalidateCache({ tag: "kb" }, { token: acme.token });
  await eventually(async () => !(await ask(there, "Where is our office?", tagged)).hit, { what: "the tag's to go" });
  await people.invalidateCache({ agent: "drafter" }, { token: acme.token });
  await eventually(async () => !(await ask(there, "Where is our office?", acme)).hit, { what: "the agent's to go" });
});

test("answers expire, and a question whose answer is gone is forgotten", async () => {
  const [here] = fleet.clients;
  await answer(here, "When is the canteen open?", "At noon.", acme, { ttlS: 1 });
  assert.equal((await ask(here, "when's the canteen open", acme)).hit, true);
  await eventually(async () => !(await ask(here, "When will the canteen be open?", acme)).hit, { what: "its end" });
});

test("an entry learns: answers that agreed let its bound down, one that differed puts it up for good", async () => {
  const [here] = fleet.clients;
  const near = { ...acme, more: { agent: "learner" } };
  await answer(here, "What is in the blue box?", "Books.", near);
  assert.equal((await ask(here, "What is on the blue box?", near)).hit, false, "too little alike at first");
  await answer(here, "What is on the blue box?", "Books.", near);
  await answer(here, "What is at the blue box?", "Books.", near);
  const lowered = await ask(here, "What is about the blue box?", near);
  assert.equal(lowered.tier, "semantic");
  await answer(here, "What is with the blue box?", "It is 3 cats.", near);
  assert.notEqual(textOf(await ask(here, "What is for the blue box?", near)), "Books.");
});

test("now and then a hit is answered anew, to see whether the entry errs", async () => {
  const { client } = await fleet.start({ semantic: { exploreShare: 0.5 } }, { random: () => 0 });
  const checked = { ...acme, more: { agent: "checked" } };
  await answer(client, "How do I print a page?", "Press print.", checked);
  for (const wording of ["how to print a page", "how can I print a page", "Please tell me how to print a page"]) {
    assert.equal((await ask(client, wording, checked)).hit, false, wording);
    await answer(client, wording, "Press print.", checked);
  }
  assert.equal((await ask(client, "How can we print a page?", checked)).tier, "semantic", "it has proved itself");
});

test("a cache that starts again reads from Redis what was asked before", async () => {
  const [here] = fleet.clients;
  const kept = { ...acme, more: { agent: "kept" } };
  for (let shelf = 0; shelf < 600; shelf++)
    await answer(here, `Where is shelf number ${shelf}?`, `Aisle ${shelf}.`, kept);
  const { client } = await fleet.start({ semantic: { exploreShare: 0 } });
  const reply = await eventually(
    async () => {
      const found = await ask(client, "where's shelf number 599", kept);
      return found.hit ? found : undefined;
    },
    { what: "the partition to be read" },
  );
  assert.equal(textOf(reply), "Aisle 599.");
  assert.equal(textOf(await ask(client, "where's shelf number 0", kept)), "Aisle 0.");
});

test("memory is bounded: by entries of a partition, by bytes of all", async () => {
  const bounds = { maxEntries: 100, maxBytes: 150_000, exploreShare: 0 };
  const { client, running } = await fleet.start({ semantic: bounds });
  const token = await fleet.callers.token({ tenant: "bounded", permissions: ["system:monitor"] });
  for (let one = 0; one < 150; one++) await answer(client, `Where is item ${one}?`, "There.", { token });
  const people = await fleet.callers.client(cacheContract, running.port);
  assert.ok((await people.getCacheStats({}, { token })).semanticEntries <= 100n);
  for (let agent = 0; agent < 20; agent++) {
    await answer(client, "Where is it all?", "There.", { token, more: { agent: `a${agent}` } });
  }
  const { semanticBytes, semanticEntries } = await people.getCacheStats({}, { token });
  assert.ok(semanticBytes <= 150_000n && semanticEntries > 0n, `${semanticBytes} bytes`);
});

test("an OpenAI-compatible embedder is asked once a question; one that fails or lies costs hits and nothing else", async () => {
  const upstream = await startEmbeddings();
  try {
    const embedder = {
      baseUrl: `${upstream.origin}/v1`,
      apiKey: "k",
      model: "test-embedder",
      dimensions: 16,
      charged: false,
    };
    const { client } = await fleet.start({ semantic: { exploreShare: 0, embedder } });
    await answer(client, "How do I brew tea?", "With water.", acme);
    assert.equal((await ask(client, "how can I brew tea", acme)).tier, "semantic");
    assert.deepEqual(
      upstream.asked.map(({ input }) => input),
      [["How do I brew tea?"], ["how can I brew tea"]],
    );
    assert.deepEqual(upstream.asked[0], {
      model: "test-embedder",
      input: ["How do I brew tea?"],
      dimensions: 16,
      encoding_format: "float",
    });
    for (const reply of ["error", "garbage", "short", "hang"] as const) {
      upstream.reply(reply);
      assert.equal((await ask(client, `how do we brew tea ${reply}`, acme)).hit, false, reply);
    }
    assert.equal((await ask(client, "How do I brew tea?", acme)).hit, true, "the exact tiers go on");
  } finally {
    await upstream.close();
  }
});

test("Redis full, killed or empty: other wordings are answered from memory or not at all, and nothing fails", async () => {
  const [here] = fleet.clients;
  const outage = { ...acme, more: { agent: "outage" } };
  await answer(here, "How do I open the gate?", "Pull.", outage);
  const redis = new Redis(fleet.environment.redisUrl);
  await redis.config("SET", "maxmemory", "1");
  await answer(here, "How do I close the gate?", "Push.", outage);
  assert.equal(textOf(await ask(here, "how can I close the gate", outage)), "Push.");
  await redis.config("SET", "maxmemory", "256mb");
  redis.disconnect();
  await fleet.environment.redis.kill();
  assert.equal(textOf(await ask(here, "how to open the gate", outage)), "Pull.");
  await answer(here, "How do I paint the gate?", "With a brush.", outage);
  await fleet.environment.redis.restart();
  await eventually(
    async () => {
      await answer(here, "How do I lock the gate?", "Turn.", outage);
      return textOf(await ask(here, "how can I lock the gate", outage)) === "Turn.";
    },
    { what: "the semantic tier to work again" },
  );
});

async function statsOf() {
  const people = await fleet.callers.client(cacheContract, fleet.replicas[0]?.port ?? 0);
  return people.getCacheStats({}, { token: acme.token });
}

type Asked = { model: string; input: string[]; dimensions: number; encoding_format: string };

/** An embeddings endpoint: letters counted, which is enough to tell these questions apart. */
async function startEmbeddings() {
  const asked: Asked[] = [];
  let how: "well" | "error" | "garbage" | "short" | "hang" = "well";
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body: Asked = JSON.parse(Buffer.concat(chunks).toString());
      if (how === "hang") return;
      if (how === "well") asked.push(body);
      const vector = (text: string) => {
        const counts = new Array<number>(how === "short" ? 3 : body.dimensions).fill(0.01);
        for (const letter of text.toLowerCase().replace(/^how (do|can) i/, "")) {
          const at = letter.charCodeAt(0) % counts.length;
          counts[at] = (counts[at] ?? 0) + 1;
        }
        return counts;
      };
      const data = body.input.map((text, index) => ({ index, embedding: vector(text) }));
      response.writeHead(how === "error" ? 500 : 200, { "content-type": "application/json" });
      response.end(how === "garbage" ? "<html>" : JSON.stringify({ data: data.reverse() }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    reply(next: typeof how) {
      how = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
