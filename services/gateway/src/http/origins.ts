import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@agentmesh/errors";
import { HttpError } from "./http-error.ts";

const METHODS = "GET, POST, PUT, DELETE";
const HEADERS =
  "authorization, content-type, x-api-key, x-request-id, idempotency-key, last-event-id, traceparent, mcp-protocol-version, mcp-session-id, a2a-version";
const EXPOSED =
  "x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, www-authenticate, mcp-session-id";
const PREFLIGHT_S = 600;

/**
 * Pages of configured origins may call and read; credentials travel in headers alone, so cookies are never allowed.
 *
 * @returns whether the request was a preflight and is answered
 */
export function answerOrigin(origins: readonly string[], incoming: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = incoming.headers;
  if (origin === undefined) return false;
  response.setHeader("vary", "origin");
  if (!origins.includes(origin)) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", EXPOSED);
  response.setHeader("cross-origin-resource-policy", "cross-origin");
  if (incoming.method !== "OPTIONS" || incoming.headers["access-control-request-method"] === undefined) return false;
  response.setHeader("access-control-allow-methods", METHODS);
  response.setHeader("access-control-allow-headers", HEADERS);
  response.setHeader("access-control-max-age", PREFLIGHT_S);
  response.writeHead(204).end();
  return true;
}

/**
 * A page whose name was made to point here (DNS rebinding) reaches tools on a person's own machine. @throws HttpError 403
 */
export function refuseStrangeOrigin(origins: readonly string[], { headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes(origin)) return;
  if (origins.length === 0 && isLocal(host) && isLocal(URL.parse(origin)?.host)) return;
  const message = `pages of ${origin.slice(0, 200)} may not call this; add it to http.origins`;
  throw new HttpError(403, new AppError("PERMISSION_DENIED", message, { reason: "ORIGIN_REFUSED" }));
}

function isLocal(host: string | undefined): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host ?? "");
}
