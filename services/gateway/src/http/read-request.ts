import type { IncomingMessage } from "node:http";
import { AppError } from "@agentmesh/errors";
import type { DescMessage } from "@bufbuild/protobuf";
import { checkJson } from "./check-json.ts";
import { HttpError } from "./http-error.ts";
import { jsonProblem } from "./json-position.ts";
import { readQuery } from "./read-query.ts";
import type { Match } from "./router.ts";

export const MAX_BODY_BYTES = 1024 * 1024;
/** Of calls that models read: images and sound come along in base64. A message between services is as large at most. */
export const MAX_MODEL_BODY_BYTES = 4 * 1024 * 1024;

/** The request message of a route: captures of the path, the query or the JSON body, checked against the contract. */
export async function readRequest(
  incoming: IncomingMessage,
  { method, captures }: Match,
  query: URLSearchParams,
  message: DescMessage,
): Promise<unknown> {
  const { rawBody } = method.http ?? {};
  if (rawBody === undefined) refuseEncoded(incoming);
  const bytes = await readBody(incoming, method.rateClass === "RUN" ? MAX_MODEL_BODY_BYTES : MAX_BODY_BYTES);
  if (rawBody !== undefined) return method.request.fromJSON({ ...captures, ...asItCame(incoming, rawBody, bytes) });
  const text = bytes.toString("utf8");
  const given = text === "" ? readQuery(message, query) : parseBody(incoming, text);
  for (const name of Object.keys(captures)) {
    const field = message.fields.find((candidate) => candidate.name === name);
    const other = field && (given[field.jsonName] ?? given[field.name]);
    if (other !== undefined && other !== captures[name]) {
      throw new AppError("INVALID_ARGUMENT", `${name} is ${captures[name]} in the path and another value beside it`, {
        reason: "CONTRADICTION",
        field: name,
      });
    }
    if (field) delete given[field.jsonName];
  }
  resume(incoming, message, given);
  const json = { ...given, ...captures };
  checkJson(message, json);
  return method.request.fromJSON(json);
}

/** A browser's EventSource says with a header where its stream broke off. */
function resume(incoming: IncomingMessage, message: DescMessage, json: Record<string, unknown>): void {
  const last = incoming.headers["last-event-id"];
  if (typeof last !== "string" || !/^\d{1,9}$/.test(last)) return;
  if (message.fields.some((field) => field.name === "after_seq")) json.afterSeq = Number(last);
}

// The edge's own credentials are nobody else's business; a sender of webhooks signs and needs none.
const WITHHELD: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "x-api-key",
  "x-forwarded-client-cert",
]);

/** A JSON object as it was sent. @throws AppError INVALID_ARGUMENT, HttpError 413, 415 */
export async function readJsonBody(incoming: IncomingMessage, maxBytes: number): Promise<Record<string, unknown>> {
  refuseEncoded(incoming);
  return parseBody(incoming, (await readBody(incoming, maxBytes)).toString("utf8"));
}

/** A few bytes can unfold to gigabytes: nothing is unpacked at the edge. */
function refuseEncoded(incoming: IncomingMessage): void {
  const encoding = incoming.headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() === "identity") return;
  const message = `the body is encoded as ${encoding.slice(0, 80)}; send it as it is`;
  // It is not read, so the connection ends with the answer.
  throw new HttpError(415, new AppError("INVALID_ARGUMENT", message, { reason: "ENCODED_BODY" }), {
    "accept-encoding": "identity",
    connection: "close",
  });
}

/** Body and headers untouched: a signature covers them. */
function asItCame(incoming: IncomingMessage, rawBody: string, bytes: Buffer): Record<string, unknown> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined && !WITHHELD.has(name)) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { [rawBody]: bytes.toString("base64"), headers };
}

/** With plain listeners: an async iterator over a request costs more than to parse what it carries. */
function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(incoming.headers["content-length"] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  function onData(chunk: Buffer): void {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes <= maxBytes) return;
    incoming.off("data", onData).pause();
    reject(tooLarge(maxBytes));
  }
  // One whose sender leaves in the middle says so with an error, as long as somebody listens.
  incoming
    .on("data", onData)
    .once("error", reject)
    .once("end", () => resolve(Buffer.concat(chunks)));
  return promise;
}

function parseBody(incoming: IncomingMessage, text: string): Record<string, unknown> {
  const type = incoming.headers["content-type"] ?? "application/json";
  if (!/^application\/(\w+\+)?json\b/i.test(type)) {
    const message = `the body is ${type.slice(0, 80)}; send application/json`;
    throw new HttpError(415, new AppError("INVALID_ARGUMENT", message, { reason: "NOT_JSON" }));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw notJson(text, cause);
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return { ...value };
  throw new AppError("INVALID_ARGUMENT", "the body must be a JSON object", { reason: "WRONG_TYPE" });
}

function notJson(text: string, cause: unknown): AppError {
  const problem = jsonProblem(text);
  const at = problem?.position ?? 0;
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return new AppError(
    "INVALID_ARGUMENT",
    `the body is not valid JSON at position ${at} (line ${line}, column ${column}): expected ${problem?.expected ?? "JSON"}`,
    { reason: "BAD_JSON", cause },
  );
}

function tooLarge(maxBytes: number): HttpError {
  const message = `the body is larger than ${maxBytes} bytes; send less`;
  // What is still coming is not read: the connection ends with the answer.
  return new HttpError(413, new AppError("INVALID_ARGUMENT", message, { reason: "BODY_TOO_LARGE" }), {
    connection: "close",
  });
}
