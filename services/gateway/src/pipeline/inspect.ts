import { AppError } from "@agentmesh/errors";
import { highestOf, inspectMessage, type Policy, type ValueInspection } from "@agentmesh/inspect";
import type { MessageCodec } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { type Body, bodyOfMessage } from "./body.ts";
import { type Exchange, type Stage, subjectOf, tenantOf } from "./exchange.ts";
import { inspectStream } from "./inspect-stream.ts";

/**
 * Cards, keys and the like in the fields that the contract marks: on the way in and on the way out. Only methods with
 * such fields are decoded; the others pass as bytes.
 */
export const inspect: Stage = async (context, exchange, next) => {
  const { inspectRequest, inspectResponse, request, response } = exchange.method;
  if (inspectRequest.length === 0 && inspectResponse.length === 0) return next();
  const policy = context.policies.policyOf(tenantOf(exchange));
  const look = (place: Place, body: Body) => inspectBody(context, exchange, policy, place, body);
  if (inspectRequest.length > 0) {
    exchange.request = look({ name: "gateway.request", codec: request, paths: inspectRequest }, exchange.request);
  }
  const reply = await next();
  if (inspectResponse.length === 0) return reply;
  const place: Place = { name: "gateway.reply", codec: response, paths: inspectResponse };
  if (reply.kind === "unary") return { kind: "unary", body: look(place, reply.body) };
  const make = (message: unknown) => bodyOfMessage(response, message);
  return { kind: "stream", frames: inspectStream(reply.frames, { policy, look: (body) => look(place, body), make }) };
};

type Place = {
  readonly name: string;
  readonly codec: MessageCodec<unknown>;
  readonly paths: readonly string[];
};

function inspectBody(context: Context, exchange: Exchange, policy: Policy, place: Place, body: Body): Body {
  const result = inspectMessage(body.message, place.paths, policy);
  exchange.classification = highestOf(exchange.classification, result.classification);
  report(context, exchange, place, result);
  if (result.blocked) {
    throw new AppError("PERMISSION_DENIED", refusal(place, result), {
      reason: "DLP_BLOCKED",
      field: result.findings.find((finding) => finding.action === "block")?.path ?? "",
    });
  }
  return result.value === body.message ? body : bodyOfMessage(place.codec, result.value);
}

function report(context: Context, exchange: Exchange, place: Place, result: ValueInspection<unknown>): void {
  const acted = result.findings.filter((finding) => finding.action !== "allow");
  if (acted.length === 0 && !result.blocked) return;
  context.events.dlpFound(tenantOf(exchange), {
    requestId: exchange.requestId,
    place: place.name,
    kinds: [...new Set(acted.map((finding) => finding.kind))],
    action: result.blocked ? "block" : "redact",
    subject: subjectOf(exchange),
  });
}

/** Names kinds and places, never what was found. */
function refusal(place: Place, { findings, problem }: ValueInspection<unknown>): string {
  if (problem !== undefined) return problem;
  const blocked = findings.filter((finding) => finding.action === "block");
  const list = [...new Set(blocked.map(({ kind, path }) => `${kind} in ${path}`))].slice(0, 5).join(", ");
  const what = place.name === "gateway.request" ? "the request" : "the reply";
  return `${what} holds what the tenant's data policy does not let through: ${list}; take it out and send it again`;
}
