import OpenAI from "openai";
import {
  getWeather,
  instructions,
  measureTurns,
  model,
  parameters,
  question,
  toolDescription,
  toolName,
  url,
} from "./measure.mjs";

const client = new OpenAI({ apiKey: "sk-test", baseURL: url });
const tools = [{ type: "function", function: { name: toolName, description: toolDescription, parameters } }];

await measureTurns(async () => {
  const messages = [
    { role: "system", content: instructions },
    { role: "user", content: question },
  ];
  for (;;) {
    const { choices } = await client.chat.completions.create({ model, messages, tools });
    const { message } = choices[0];
    if (!message.tool_calls) return message.content;
    messages.push(message);
    for (const call of message.tool_calls) {
      const result = await getWeather(JSON.parse(call.function.arguments));
      messages.push({ role: "tool", tool_call_id: call.id, content: JSON.stringify(result) });
    }
  }
});
