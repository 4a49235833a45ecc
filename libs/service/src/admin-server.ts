import type { AddressInfo } from "node:net";
import { AppError, describeError } from "@agentmesh/errors";
import type { Metrics } from "@agentmesh/telemetry";

// Not imported: an import reads all exports of node:http, and one of them loads the whole of fetch, 12 MB of memory.
const { createServer } = process.getBuiltinModule("node:http");

export type AdminServer = AsyncDisposable & {
  readonly port: number;
  /** Answers /readyz with 200 from now on, or with 503 and the reason. */
  setReady(ready: boolean, reason?: string): void;
  /** More lines for /readyz, read at each request; they do not change whether it is ready. */
  addDetail(describe: () => string): void;
};

/**
 * /healthz (the process lives), /readyz (it takes work) and /metrics, on a port of their own that no user reaches.
 *
 * @throws AppError FAILED_PRECONDITION (PORT_IN_USE)
 */
export async function openAdminServer(options: { host: string; port: number; metrics: Metrics }): Promise<AdminServer> {
  const { host, metrics } = options;
  let notReady: string | undefined = "starting";
  const details: (() => string)[] = [];
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    if (request.url === "/healthz") response.end("ok\n");
    else if (request.url === "/readyz") {
      response.statusCode = notReady === undefined ? 200 : 503;
      const lines = [notReady ?? "ready", ...details.map((describe) => describe())];
      response.end(`${lines.filter(Boolean).join("\n")}\n`);
    } else if (request.url === "/metrics") {
      metrics.render().then(
        (text) => response.end(text),
        (error) => {
          response.statusCode = 500;
          response.end(`${describeError(error)}\n`);
        },
      );
    } else {
      response.statusCode = 404;
      response.end("here are /healthz, /readyz and /metrics\n");
    }
  });
  server.headersTimeout = 5_000;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(options.port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `cannot listen on ${host}:${options.port}: ${describeError(cause)}; free the port or choose another`,
      { reason: "PORT_IN_USE", cause },
    );
  }
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    addDetail(describe) {
      details.push(describe);
    },
    setReady(ready, reason = "draining") {
      notReady = ready ? undefined : reason;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
