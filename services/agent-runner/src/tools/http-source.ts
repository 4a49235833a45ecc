import { AppError, toAppError } from "@agentmesh/errors";
import { type Dispatcher, request } from "undici";
import type { ToolArguments, ToolCallContext } from "../domain/tool.ts";
import type { ToolSource } from "../domain/tool-spec.ts";

type HttpSource = Extract<ToolSource, { type: "http" }>;

/** The way out for HTTP tools; refuses addresses that tools must not reach. */
export type HttpCaller = { readonly dispatcher: Dispatcher; assertAllowed(url: URL): void };

const MAX_RESPONSE_BYTES = 256 * 1024;
const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]{0,63})\}/g;

/**
 * A call of the one declared URL. Arguments fill `{placeholders}` in path and query, encoded; the others are the JSON
 * body, or are left out where the method has none. Redirects are not followed.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_URL) when the URL is not one, or an argument could change its host
 */
export function compileHttpSource(source: HttpSource, timeoutMs: number, http: HttpCaller) {
  const declared = parseDeclared(source.url);
  http.assertAllowed(declared);
  const hasBody = source.method !== "GET" && source.method !== "DELETE";

  return async (args: ToolArguments, context: ToolCallContext): Promise<unknown> => {
    const used = new Set<string>();
    const filled = source.url.replace(PLACEHOLDER, (_, name: string) => {
      used.add(name);
      return encodeArgument(name, args[name]);
    });
    const url = new URL(filled);
    if (url.origin !== declared.origin) throw badUrl(source.url, "its arguments changed its host");
    const rest = Object.entries(args).filter(([name]) => !used.has(name));
    const body = hasBody ? JSON.stringify(Object.fromEntries(rest)) : undefined;
    try {
      const response = await request(url, {
        method: source.method,
        dispatcher: http.dispatcher,
        headers: {
          accept: "application/json, text/plain",
          "user-agent": "agentmesh",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(source.method !== "GET" && { "idempotency-key": context.idempotencyKey }),
          ...source.headers,
        },
        ...(body !== undefined && { body }),
        signal: AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]),
      });
      return readReply(response.statusCode, await readBounded(response.body), response.headers["content-type"]);
    } catch (error) {
      throw toAppError(error, `${source.method} ${declared.origin}${declared.pathname}`);
    }
  };
}

function parseDeclared(template: string): URL {
  const sample = template.replace(PLACEHOLDER, "0");
  const url = URL.canParse(sample) ? new URL(sample) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw badUrl(template, "it is not an http(s) URL");
  const origin = /^https?:\/\/[^/?#]*/i.exec(template)?.[0] ?? "";
  if (origin.includes("{") || url.username !== "" || url.password !== "") {
    throw badUrl(template, "placeholders and credentials may not stand in its host");
  }
  return url;
}

function encodeArgument(name: string, value: unknown): string {
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  const text = isScalar ? String(value) : "";
  // As a path segment these two would climb out of the declared path.
  if (text === "" || text === "." || text === "..") {
    throw new AppError("INVALID_ARGUMENT", `argument ${name} cannot stand in a URL; give a text or a number`, {
      field: name,
    });
  }
  return encodeURIComponent(text);
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) {
      throw new AppError("RESOURCE_EXHAUSTED", `it answered more than ${MAX_RESPONSE_BYTES} bytes; ask it for less`, {
        reason: "TOO_LARGE",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readReply(status: number, text: string, contentType: string | string[] | undefined): unknown {
  if (status >= 500 || status === 429 || status === 408) {
    throw new AppError("UNAVAILABLE", `it answered ${status}: ${text.slice(0, 300)}`);
  }
  if (status >= 300) throw new AppError("FAILED_PRECONDITION", `it answered ${status}: ${text.slice(0, 300)}`);
  if (!String(contentType).includes("json")) return text;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

function badUrl(url: string, why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `spec.source.url ${JSON.stringify(url.slice(0, 120))}: ${why}`, {
    reason: "BAD_URL",
    field: "spec.source.url",
  });
}
