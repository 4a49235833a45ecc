// A webhook receiver: a real HTTP server that keeps what it is sent.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Delivery = { readonly key: string; readonly headers: IncomingHttpHeaders; readonly body: string };

export type Receiver = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  readonly deliveries: Delivery[];
  /** Default: 200. A function that answers nothing leaves the sender waiting. */
  answer: (response: ServerResponse, delivery: Delivery) => void;
  types(): string[];
};

/** @param port default: any free one */
export async function startReceiver(port = 0): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const delivery = { key: String(request.headers["idempotency-key"]), headers: request.headers, body };
    deliveries.push(delivery);
    receiver.answer(response, delivery);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(port, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port: bound } = server.address() as AddressInfo;
  const receiver: Receiver = {
    port: bound,
    url: `http://127.0.0.1:${bound}/alerts`,
    deliveries,
    answer: (response) => response.end("ok"),
    types: () => deliveries.map(({ body }) => String(JSON.parse(body).type)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return receiver;
}
