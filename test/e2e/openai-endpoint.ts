import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ChatRequest, completeOffline, streamOffline } from "@agentmesh/offline-model";

export type OpenAiEndpoint = AsyncDisposable & {
  readonly baseUrl: string;
  /** Requests served, by model. */
  readonly calls: ReadonlyMap<string, number>;
};

/** An endpoint that speaks OpenAI's chat completions over HTTP; what thinks behind it is the embedded model. */
export async function openAiEndpoint(apiKey: string): Promise<OpenAiEndpoint> {
  const calls = new Map<string, number>();
  const server = createServer((request, response) => {
    void serve(request, response, apiKey, calls);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, apiKey: string, calls: Map<string, number>) {
  if (request.url !== "/v1/chat/completions" || request.headers.authorization !== `Bearer ${apiKey}`) {
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "Incorrect API key provided", type: "invalid_request_error" } }));
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest & { model: string; stream?: boolean };
  calls.set(body.model, (calls.get(body.model) ?? 0) + 1);
  if (!body.stream) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...completeOffline(body), model: body.model }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of streamOffline(body))
    response.write(`data: ${JSON.stringify({ ...chunk, model: body.model })}\n\n`);
  response.end("data: [DONE]\n\n");
}
