// Each input as it comes, so many in flight: what people write around the client.
import { writeSync } from "node:fs";
import OpenAI from "openai";

const [, , inputs, concurrency, url] = process.argv;
const client = new OpenAI({ apiKey: "sk-test", baseURL: url });
const system = { role: "system", content: "You answer questions about the office in one sentence." };
let next = 0;

async function lane() {
  while (next < Number(inputs)) {
    const content = `where is room ${next++}?`;
    const { choices } = await client.chat.completions.create({
      model: "canned",
      messages: [system, { role: "user", content }],
    });
    if (!choices[0].message.content) throw new Error("an input was not answered");
  }
}

const began = performance.now();
await Promise.all(Array.from({ length: Number(concurrency) }, lane));
writeSync(1, `\n${JSON.stringify({ itemsPerS: (Number(inputs) * 1000) / (performance.now() - began) })}\n`);
process.exit(0);
