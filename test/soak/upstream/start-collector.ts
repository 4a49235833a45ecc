import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type Collector = AsyncDisposable & {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** Spans received so far. */
  readonly received: () => number;
};

const spanMark = Buffer.from('"spanId":');

/** Takes spans over OTLP/HTTP and counts them. */
export async function startCollector(): Promise<Collector> {
  let received = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received += countMarks(Buffer.concat(chunks));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    received: () => received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Once a span: "parentSpanId" is written in another case, and the mesh's spans have no links. */
function countMarks(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(spanMark); at >= 0; at = body.indexOf(spanMark, at + spanMark.length)) count += 1;
  return count;
}
