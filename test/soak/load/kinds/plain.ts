import { wholeBelow } from "../../random.ts";
import type { Kind } from "../kind.ts";

const repeated = 40;
const topics = ["reset my password", "download my invoice", "change my plan", "cancel my order", "export my data"];
const wordings = [
  (topic: string) => `How do I ${topic}?`,
  (topic: string) => `how can I ${topic}`,
  (topic: string) => `Could you please tell me how to ${topic}?`,
];

/** A question that was never asked. */
export const plain: Kind = {
  name: "plain",
  weight: 26,
  async run({ client, number, runs }) {
    runs.ended(await client.runner.runAgent({ agent: "soak-plain", text: `Where is order ${number}?` }));
  },
};

/** One of a few questions: most are answered from the cache. */
export const exact: Kind = {
  name: "exact",
  weight: 12,
  async run({ client, random, runs }) {
    const text = `Tell me about product ${wholeBelow(repeated, random)}.`;
    runs.ended(await client.runner.runAgent({ agent: "soak-plain", text }));
  },
};

/** One of a few questions in one of several wordings. */
export const semantic: Kind = {
  name: "semantic",
  weight: 10,
  async run({ client, random, runs }) {
    const topic = topics[wholeBelow(topics.length, random)] ?? "";
    const text = wordings[wholeBelow(wordings.length, random)]?.(topic) ?? "";
    runs.ended(await client.runner.runAgent({ agent: "soak-alike", text }));
  },
};

/** By the model inside agent-runner. */
export const offline: Kind = {
  name: "offline",
  weight: 8,
  async run({ client, number, runs }) {
    const text = `Parcel ${number} came damaged and I want my money back.`;
    runs.ended(await client.runner.runAgent({ agent: "soak-offline", text }));
  },
};

/** The model calls a tool, and answers with what it gave. */
export const tool: Kind = {
  name: "tool",
  weight: 12,
  async run({ client, number, runs }) {
    const run = await client.runner.runAgent({ agent: "soak-tools", text: `Which plan has customer ${number}?` });
    runs.ended(run);
    if (run.toolCalls.length !== 1) throw new Error(`${run.toolCalls.length} tool calls, not one`);
  },
};
