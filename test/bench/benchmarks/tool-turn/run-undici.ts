// A process of its own: the same two requests with nothing around them.
import { Pool } from "undici";
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
} from "../../peers/scripts/turn/measure.mjs";

const pool = new Pool(new URL(url).origin, { connections: 128 });
const path = `${new URL(url).pathname}/chat/completions`;
const headers = { "content-type": "application/json" };
const tools = [{ type: "function", function: { name: toolName, description: toolDescription, parameters } }];

async function complete(messages: readonly object[]) {
  const body = JSON.stringify({ model, messages, tools });
  const response = await pool.request({ method: "POST", path, headers, body });
  return JSON.parse(await response.body.text()).choices[0].message;
}

await measureTurns(async () => {
  const messages: object[] = [
    { role: "system", content: instructions },
    { role: "user", content: question },
  ];
  const asked = await complete(messages);
  const [call] = asked.tool_calls;
  const result = await getWeather(JSON.parse(call.function.arguments));
  messages.push(asked, { role: "tool", tool_call_id: call.id, content: JSON.stringify(result) });
  return (await complete(messages)).content;
});
