import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import { AppError, describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { GRPC_DRAIN_MS } from "@agentmesh/rpc";
import { whereOf } from "../a2a/agent-card.ts";
import { answerA2a, isA2aPath } from "../a2a/answer-a2a.ts";
import { arrivedOverHttp } from "../callers/arrived.ts";
import { callerAddress } from "../callers/caller-address.ts";
import { clientCertificate } from "../callers/client-certificate.ts";
import { requestTimeoutOf } from "../config.ts";
import type { Context } from "../context.ts";
import { answerMcp, MCP_PATH } from "../mcp/answer-mcp.ts";
import { openAiErrors } from "../openai/errors.ts";
import { type Asked, isOpenAiPath, readOpenAi } from "../openai/routes.ts";
import { failureOf, limitHeaders, type Performed, perform } from "../perform.ts";
import { bodyOfMessage } from "../pipeline/body.ts";
import { routedMethods } from "../routes.ts";
import { createEdgeServer } from "./create-server.ts";
import { openEdgeCall } from "./edge-call.ts";
import { headerOf } from "./headers.ts";
import { HttpError, httpStatusOf } from "./http-error.ts";
import { rpcErrors } from "./json-rpc.ts";
import { openApi } from "./openapi.ts";
import { answerOrigin, refuseStrangeOrigin } from "./origins.ts";
import { indexPage } from "./page.ts";
import { MAX_MODEL_BODY_BYTES, readJsonBody, readRequest } from "./read-request.ts";
import { contractRendering, errorOf, meshErrors, type Rendering } from "./rendering.ts";
import { createRouter, type Router } from "./router.ts";
import { readTarget, type Target } from "./target.ts";
import { createUnderWay, type UnderWay } from "./under-way.ts";

export type HttpServer = AsyncDisposable & { readonly port: number };

// A client that drips its headers or body (slow loris) is cut off; connections idle longer than a balancer's minute.
const HEADERS_TIMEOUT_MS = 5_000;
const CHECK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 10_000;
// What lasts longer ends with an error, a little before gRPC's calls do.
const DRAIN_MS = GRPC_DRAIN_MS - 1_000;
const FAREWELL_MS = 500;
const SWEEP_MS = 100;

const SECURITY_HEADERS = Object.entries({
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
});

/** HTTP/JSON and SSE over the same pipeline as gRPC. @throws AppError FAILED_PRECONDITION (PORT_IN_USE) */
export async function openHttp(context: Context): Promise<HttpServer> {
  const router = createRouter(routedMethods);
  const underWay = createUnderWay();
  const requestTimeoutMs = requestTimeoutOf(context.config);
  const server = createEdgeServer(
    context.config.tls,
    {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
    },
    (incoming, response) => void answer(context, router, underWay, incoming, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  // Bounded by their bytes. A bound on their number drops the rest in silence, which a proxy before us did not.
  server.maxHeadersCount = 0;
  await listen(server, context);
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      // Not http's own close yet: it also ends kept connections at once, on which a request may be on its way.
      const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
      await underWay.drain();
      // Connections of streams become idle when those end; their responses could not say that they would be closed.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      const timers = [
        setTimeout(() => underWay.endAll(), DRAIN_MS),
        setTimeout(() => server.closeAllConnections(), DRAIN_MS + FAREWELL_MS),
      ];
      await closed;
      for (const timer of [...timers, sweep]) clearTimeout(timer);
      // Ends its watch over slow connections, which was needed until now.
      server.close();
    },
  };
}

async function listen(server: Server, { config }: Context): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(config.http.port, config.listen.host, resolve);
  await promise.catch((cause) => {
    const where = `${config.listen.host}:${config.http.port}`;
    const message = `cannot listen on ${where}: ${describeError(cause)}; free the port or choose another with HTTP_PORT`;
    throw new AppError("FAILED_PRECONDITION", message, { reason: "PORT_IN_USE", cause });
  });
}

async function answer(
  context: Context,
  router: Router,
  underWay: UnderWay,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  underWay.came();
  if (underWay.isDraining) response.shouldKeepAlive = false;
  for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
  const { origins = [] } = context.config.http;
  let path = "";
  try {
    const target = readTarget(incoming.url);
    path = target.path;
    if (answerOrigin(origins, incoming, response)) return;
    if (answerPage(context, incoming, response, path)) return;
    if (isRpcPath(path)) {
      refuseStrangeOrigin(origins, incoming);
      const edge = openEdgeCall(context, underWay, incoming, response);
      if (path === MCP_PATH) return await answerMcp(edge, { incoming, response, calls: context.mcpCalls });
      const where = whereOf(context.config.http, incoming.headers.host);
      return await answerA2a(edge, { incoming, response, path, where });
    }
    const asked = isOpenAiPath(path)
      ? await readOpenAi(incoming.method ?? "GET", path, () => readJsonBody(incoming, MAX_MODEL_BODY_BYTES))
      : await readContract(context, router, incoming, target);
    await forward(context, underWay, incoming, response, asked);
  } catch (error) {
    refuse(context, response, error, headerOf(incoming)("x-request-id") ?? newId(), errorsOf(path));
  }
}

function isRpcPath(path: string): boolean {
  return path === MCP_PATH || isA2aPath(path);
}

function errorsOf(path: string): Pick<Rendering, "errorBody" | "errorFrame"> {
  if (isRpcPath(path)) return rpcErrors;
  return isOpenAiPath(path) ? openAiErrors : meshErrors;
}

async function readContract(
  context: Context,
  router: Router,
  incoming: IncomingMessage,
  target: Target,
): Promise<Asked> {
  const match = router.match(incoming.method ?? "GET", target.path);
  const { method } = match;
  const { input } = context.descriptors.method(method.path);
  const message = await readRequest(incoming, match, target.query, input);
  return { method, message, rendering: contractRendering(method) };
}

/** What the edge shows of itself to anyone. */
function answerPage(context: Context, incoming: IncomingMessage, response: ServerResponse, path: string): boolean {
  if (incoming.method !== "GET") return false;
  if (path === "/") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(indexPage());
    return true;
  }
  if (path === "/openapi.json") {
    response.setHeader("content-type", "application/json");
    response.end(openApi(context.descriptors));
    return true;
  }
  return false;
}

async function forward(
  context: Context,
  underWay: UnderWay,
  incoming: IncomingMessage,
  response: ServerResponse,
  { method, message, rendering }: Asked,
): Promise<void> {
  const arrived = arrivedOverHttp(incoming);
  const performed = perform(context, {
    method,
    surface: "http",
    request: bodyOfMessage(method.request, message),
    remoteAddress: callerAddress(context.config, arrived),
    header: headerOf(incoming),
    certificate: () => clientCertificate(context.config, arrived),
  });
  const { exchange, cancel } = performed;
  response.once("close", () => {
    if (!response.writableFinished) cancel();
  });
  const forget = underWay.add(performed.leave, rendering.isResumable === true);
  try {
    const reply = await performed.reply;
    setHeaders(response, performed);
    if (underWay.isDraining) response.shouldKeepAlive = false;
    await rendering.reply(response, reply, exchange.signal);
    performed.end("OK");
  } catch (error) {
    const failure = failureOf(exchange, error);
    if (!response.headersSent) setHeaders(response, performed);
    refuse(context, response, failure, exchange.requestId, rendering);
    performed.end(failure.code);
  } finally {
    forget();
  }
}

function setHeaders(response: ServerResponse, { exchange }: Performed): void {
  for (const [name, value] of limitHeaders(exchange)) response.setHeader(name, value);
  response.setHeader("x-request-id", exchange.requestId);
}

function refuse(
  context: Context,
  response: ServerResponse,
  cause: unknown,
  requestId: string,
  errors: Pick<Rendering, "errorBody" | "errorFrame">,
): void {
  const error = errorOf(cause);
  if (error.code === "INTERNAL") context.log.error({ requestId, error }, "request failed");
  const status = cause instanceof HttpError ? cause.status : httpStatusOf(error.code);
  const body = errors.errorBody(error, status, requestId);
  if (response.destroyed) return;
  if (response.headersSent) {
    response.end(errors.errorFrame(body));
    return;
  }
  response.statusCode = status;
  if (cause instanceof HttpError)
    for (const [name, value] of Object.entries(cause.headers)) response.setHeader(name, value);
  if (error.code === "UNAUTHENTICATED") response.setHeader("www-authenticate", 'Bearer realm="agentmesh"');
  if (error.retryAfterMs !== undefined) response.setHeader("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
  response.setHeader("x-request-id", /^[\w.:/-]{1,128}$/.test(requestId) ? requestId : newId());
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}
