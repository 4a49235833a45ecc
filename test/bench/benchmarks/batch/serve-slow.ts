// A process of its own: answers each chat.completions after a while, and says on GET how many it was asked.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { upstreamMs } from "./load.ts";

const reply = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_767_225_600,
  model: "canned",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "On the second floor." } }],
  usage: { prompt_tokens: 400, completion_tokens: 100, total_tokens: 500 },
});
let calls = 0;

const server = createServer((request, response) => {
  request.resume();
  if (request.method === "GET") {
    response.end(JSON.stringify({ calls }));
    return;
  }
  calls += 1;
  setTimeout(() => {
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(reply) });
    response.end(reply);
  }, upstreamMs);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
