// A provider that speaks chat.completions: one model answers, one takes its time, one misbehaves now and then.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Random } from "../random.ts";
import { answer } from "./answer.ts";
import { misbehave } from "./misbehave.ts";
import { type Asked, readAsked } from "./read-asked.ts";

export type Upstream = AsyncDisposable & {
  /** Ends in /v1. */
  readonly baseUrl: string;
  /** Requests for completions so far. */
  readonly requests: () => number;
  /** Those whose connection is not done with. */
  readonly open: () => number;
};

export async function startUpstream(random: Random): Promise<Upstream> {
  let requests = 0;
  let open = 0;
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(200, { "content-type": "application/json" }).end('{"object":"list","data":[]}');
      return;
    }
    requests += 1;
    open += 1;
    response.once("close", () => {
      open -= 1;
    });
    void serve(request, response, random);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests: () => requests,
    open: () => open,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, random: Random): Promise<void> {
  let asked: Asked;
  try {
    asked = await readAsked(request);
  } catch {
    // It left while it asked.
    response.destroy();
    return;
  }
  if (asked.model === "flaky" && misbehave(asked, response, random)) return;
  await answer(asked, response, random);
}
