// Tenants who try to read each other's answers. CACHE_SET_LOOKUPS=1000000 is the long version.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asked, type CacheUnderTest, lookUpAll, openCache, storeAll } from "./cache.ts";
import { labelled } from "./pairs/labelled.ts";

const lookups = Number(process.env.CACHE_SET_LOOKUPS ?? 50_000);

/** Names that look like one another, or like parts of a key. */
const tenants = [
  "acme",
  "ACME",
  "acme ",
  "acme:",
  "acme:0.0",
  "acme%3A0.0",
  "c:acme",
  "acm\u0435",
  "acme\u200b",
  "acme/agent",
  "*",
  "acme:*",
  "..",
  "tenant",
  "globex",
] as const;

/** Agents that would reach into another partition if names were only joined. */
const agents = ["drafter", "acme:drafter", "tenant"] as const;

test(`${lookups} look-ups of tenants in each other's questions are answered by their own answers only`, async (t) => {
  await using stack = new AsyncDisposableStack();
  const cache = await openCache(stack);
  const tokens = await Promise.all(tenants.map((tenant) => cache.token(tenant)));
  const questions = [...new Set(labelled.flatMap(({ a, b }) => [a, b]))];
  // The last tenant has asked nothing: whatever it is answered is somebody else's.
  for (const [index, token] of tokens.slice(0, -1).entries()) await fill(cache, token, index, questions);
  let answered = 0;
  const foreign: string[] = [];
  for (let done = 0; done < lookups; done += 1_000) {
    const index = (done / 1_000) % tenants.length;
    const asked = Array.from({ length: Math.min(1_000, lookups - done) }, (_, at): Asked => {
      const number = (done + at) * 7_919;
      return { question: disguised(questions[number % questions.length] ?? "", number), agent: agentOf(number) };
    });
    const answers = await lookUpAll(cache, tokens[index] ?? "", asked);
    for (const [at, answer] of answers.entries()) {
      if (answer === undefined) continue;
      answered += 1;
      if (answer !== `${index} ${asked[at]?.agent}`) foreign.push(`${tenants[index]} got ${answer}`);
    }
  }
  t.diagnostic(
    `${lookups} look-ups of ${tenants.length} tenants, ${answered} answered, ${foreign.length} by a foreign answer`,
  );
  assert.deepEqual(foreign.slice(0, 5), []);
  assert.ok(answered > lookups / 10, "most questions were there to be found");
});

/** Each tenant answers a part of the questions of each agent, with its own name and the agent's. */
async function fill(cache: CacheUnderTest, token: string, tenant: number, questions: readonly string[]): Promise<void> {
  for (const [number, agent] of agents.entries()) {
    const own = questions.filter((_, index) => (index + number) % tenants.length <= tenant);
    await storeAll(
      cache,
      token,
      own.map((question) => ({ question, agent })),
      () => `${tenant} ${agent}`,
    );
  }
}

function agentOf(number: number): string {
  return agents[Math.floor(number / 31) % agents.length] ?? "drafter";
}

/** The question as somebody else would type it. */
function disguised(question: string, number: number): string {
  const ways = [
    question,
    question.toLowerCase(),
    `Please tell me: ${question}`,
    ` ${question}  `,
    question.replace("?", ""),
  ];
  return ways[Math.floor(number / 13) % ways.length] ?? question;
}
