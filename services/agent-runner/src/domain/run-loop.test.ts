import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createAgent } from "./agent.ts";
import { asksFor, defineTestAgent, numberTool, says, scriptedPorts } from "./definition.fixture.ts";

const double = numberTool("double", ({ n }) => ({ doubled: Number(n) * 2 }));
const output = { type: "object", properties: { score: { type: "number", maximum: 1 } }, required: ["score"] };

test("a tool is called with checked arguments and its result goes back to the model", async () => {
  const { ports, requests, ended } = scriptedPorts([asksFor(["double", { n: 21 }]), says("it is 42")]);
  const result = await createAgent(defineTestAgent({}, [double])).run("twice 21?", ports);
  assert.deepEqual(result, { text: "it is 42", output: undefined, isReusable: true });
  assert.deepEqual(requests[1]?.messages.at(-1), {
    role: "tool",
    tool_call_id: "call_0",
    content: '{"doubled":42}',
  });
  assert.equal(ended[0]?.failed, false);
});

test("bad arguments, unknown tools and failing tools are results the model can act on, never the end of the run", async () => {
  const broken = numberTool("broken", () => Promise.reject(new Error("the other side is down")));
  const { ports, ended } = scriptedPorts([
    asksFor(["double", { n: "x" }], ["double", "{oops"], ["double", "[1]"], ["missing", {}], ["broken", { n: 1 }]),
    says("sorry"),
  ]);
  assert.equal((await createAgent(defineTestAgent({}, [double, broken])).run("?", ports)).text, "sorry");
  const errors = ended.map(({ result, failed }) => [failed, JSON.parse(result).error]);
  assert.ok(errors.every(([failed]) => failed));
  const texts = errors.map(([, error]) => String(error)).sort();
  assert.match(texts.join("\n"), /\/n must be number/);
  assert.equal(texts.filter((text) => /not a JSON object/.test(text)).length, 2);
  assert.match(texts.join("\n"), /no tool "missing"; there are double, broken/);
  assert.match(texts.join("\n"), /the other side is down/);
});

test("calls of one turn run in parallel, eight at a time, and no more than 32 are made", async () => {
  let running = 0;
  let most = 0;
  let made = 0;
  const slow = numberTool("slow", async () => {
    made += 1;
    most = Math.max(most, ++running);
    await wait(2);
    running -= 1;
    return "done";
  });
  const calls = Array.from({ length: 40 }, (_, n): [string, unknown] => ["slow", { n }]);
  const { ports, requests } = scriptedPorts([asksFor(...calls), says("ok")]);
  await createAgent(defineTestAgent({}, [slow])).run("?", ports);
  assert.deepEqual([most, made], [8, 32]);
  const results = requests[1]?.messages.filter((message) => message.role === "tool") ?? [];
  assert.equal(results.length, 40, "every call has its answer, in order");
});

test("a model that never stops asking for tools ends as TURNS_EXHAUSTED, and its last wish is not carried out", async () => {
  let called = 0;
  const counting = numberTool("counting", () => ++called);
  const { ports, requests } = scriptedPorts([asksFor(["counting", { n: 1 }])]);
  const agent = createAgent(defineTestAgent({ limits: { turns: 3 } }, [counting]));
  await assert.rejects(agent.run("?", ports), { reason: "TURNS_EXHAUSTED", code: "FAILED_PRECONDITION" });
  assert.deepEqual([requests.length, called], [3, 2]);
});

test("output that is no JSON or breaks the schema is handed back with what is wrong, then accepted", async () => {
  const { ports, requests } = scriptedPorts([
    says("it is good"),
    says('{"score":7}'),
    says('```json\n{"score":0.5}\n```'),
  ]);
  const result = await createAgent(defineTestAgent({ output, limits: { turns: 1 } })).run("?", ports);
  assert.deepEqual(result.output, { score: 0.5 });
  const told = requests.map(({ messages }) => messages.at(-1)?.content);
  assert.match(String(told[1]), /invalid JSON/);
  assert.match(String(told[2]), /\/score must be <= 1/);
});

test("after two repairs it is INVALID_OUTPUT, never unchecked text", async () => {
  const { ports, requests } = scriptedPorts([says('{"score":7}')]);
  await assert.rejects(
    createAgent(defineTestAgent({ output })).run("?", ports),
    (error: Error & { reason: string }) => {
      assert.equal(error.reason, "INVALID_OUTPUT");
      assert.match(error.message, /\/score must be <= 1/);
      return true;
    },
  );
  assert.equal(requests.length, 3);
});

test("an answer that was cut short, or came with an effect, is not to be kept; a withheld one is a failure", async () => {
  const effect = numberTool("effect", () => "sent", "effectful");
  const run = async (replies: Parameters<typeof scriptedPorts>[0]) =>
    createAgent(defineTestAgent({}, [double, effect])).run("?", scriptedPorts(replies).ports);
  assert.equal((await run([says("cut", "length")])).isReusable, false);
  assert.equal((await run([asksFor(["effect", { n: 1 }]), says("done")])).isReusable, false);
  assert.equal((await run([asksFor(["double", { n: 1 }]), says("done")])).isReusable, true);
  await assert.rejects(run([says("", "content_filter")]), { reason: "PROVIDER_FILTERED" });
});

test("a cancelled run stops between tools with the reason it was given", async () => {
  const { ports, abort } = scriptedPorts([asksFor(["stop", { n: 1 }]), says("never")]);
  const stop = numberTool("stop", () => {
    abort.abort(new Error("the caller left"));
    throw new Error("aborted");
  });
  await assert.rejects(createAgent(defineTestAgent({}, [stop])).run("?", ports), /the caller left/);
});

test("the policy hash covers instructions, limits, schema and tools, and nothing that does not change an answer", () => {
  const hash = (spec: object, tools = [double]) => defineTestAgent(spec, tools).policyHash;
  const base = hash({});
  assert.equal(hash({ description: "another" }), base);
  assert.equal(hash({ cache: { ttlS: 5 } }), base);
  const others = [
    hash({ instructions: "other" }),
    hash({ temperature: 0.9 }),
    hash({ maxTokens: 5 }),
    hash({ output }),
    hash({}, []),
    hash({}, [{ ...double, version: 2 }]),
  ];
  assert.equal(new Set([base, ...others]).size, others.length + 1);
});
