import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Asked = { readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: string };
export type Script = (response: ServerResponse, asked: Asked) => void;

/** An HTTP server that follows a script: each request takes the next one, the last stays for ever. */
export type ScriptedUpstream = AsyncDisposable & {
  readonly origin: string;
  readonly asked: Asked[];
  play(...scripts: readonly Script[]): void;
};

export async function startUpstream(): Promise<ScriptedUpstream> {
  const asked: Asked[] = [];
  let scripts: Script[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const next = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
      asked.push(next);
      const script = scripts.length > 1 ? scripts.shift() : scripts[0];
      if (script) script(response, next);
      else response.writeHead(500).end("no script");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    play(...next) {
      asked.length = 0;
      scripts = [...next];
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function answers(status: number, body: unknown, headers: Record<string, string> = {}): Script {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

/** A completion with usage: 100 prompt tokens, 40 of them cached; 20 completion tokens, 5 of them reasoning. */
export function completes(content: string | null, toolCalls: readonly [name: string, args: string][] = []): Script {
  const tool_calls = toolCalls.map(([name, args], index) => ({
    id: `call_${index}`,
    type: "function",
    function: { name, arguments: args },
  }));
  return answers(200, {
    choices: [
      {
        index: 0,
        finish_reason: tool_calls.length > 0 ? "tool_calls" : "stop",
        message: { role: "assistant", content, ...(tool_calls.length > 0 && { tool_calls }) },
      },
    ],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 40 },
      completion_tokens_details: { reasoning_tokens: 5 },
    },
  });
}

/** Server-sent events, then the end, or the connection cut off. */
export function streams(events: readonly (object | string)[], end: "end" | "cut" | "hang" = "end"): Script {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of events)
      response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
    if (end === "end") response.end();
    // Left to the next turn, so that what was written leaves before the connection breaks.
    if (end === "cut") setTimeout(() => response.destroy(), 20);
  };
}

export const never: Script = () => undefined;
