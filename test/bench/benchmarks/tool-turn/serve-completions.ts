// A process of its own: answers chat.completions with one of two canned replies. A request that brings a tool's result
// gets the answer, any other the call of the tool.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

function completion(finish: string, message: object): string {
  return JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_767_225_600,
    model: "canned",
    choices: [{ index: 0, finish_reason: finish, message: { role: "assistant", ...message } }],
    usage: { prompt_tokens: 80, completion_tokens: 20, total_tokens: 100 },
  });
}

const call = { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city":"Oslo"}' } };
const asks = completion("tool_calls", { content: null, tool_calls: [call] });
const answers = completion("stop", { content: "It is clear in Oslo today." });

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    body += chunk;
  });
  request.on("end", () => {
    const reply = body.includes('"role":"tool"') ? answers : asks;
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(reply) });
    response.end(reply);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
