import { toAppError } from "@agentmesh/errors";
import { newId, sha256Hex } from "@agentmesh/ids";
import type { AuditEntry } from "@agentmesh/proto/compliance";
import { currentTraceparent } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import type { Body } from "./body.ts";
import { type Exchange, type Reply, type Stage, subjectOf, tenantOf } from "./exchange.ts";

/**
 * Says what was asked and what came of it, durably, before anything leaves: to compliance, or to the local spool while
 * it is down. When neither takes it, a reply does not leave.
 */
export const audit: Stage = async (context, exchange, next) => {
  let reply: Reply;
  try {
    reply = await next();
  } catch (error) {
    await refused(context, exchange, error);
    throw error;
  }
  if (reply.kind === "stream") {
    await context.trail.append(entryOf(context, exchange, { outcome: "allowed" }));
    return { kind: "stream", frames: withEnd(context, exchange, reply.frames) };
  }
  const secret = context.secrets.has(exchange.method.path);
  const replyHash = secret ? "" : sha256Hex(reply.body.bytes);
  await context.trail.append(entryOf(context, exchange, { outcome: "succeeded", replyHash }));
  return reply;
};

async function refused(context: Context, exchange: Exchange, error: unknown): Promise<void> {
  const failure = toAppError(error);
  const stage = exchange.failedAt ?? "route";
  const denied = stage !== "route" && stage !== "audit";
  const reason = `${stage}: ${failure.code}${failure.reason ? ` ${failure.reason}` : ""}`;
  if (denied) {
    context.events.requestRefused(tenantOf(exchange), {
      requestId: exchange.requestId,
      method: exchange.method.path,
      stage,
      code: failure.code,
      reason: failure.reason ?? "",
      subject: subjectOf(exchange),
      at: new Date(),
    });
  }
  // The refusal itself tells nothing that would have to be held back, should the trail be down as well.
  await context.trail
    .append(entryOf(context, exchange, { outcome: denied ? "denied" : "failed", reason }))
    .catch((cause) => context.log.error({ reason: toAppError(cause).message }, "a refusal was not audited"));
}

/** A second entry says how a stream ended; its frames have left by then. */
async function* withEnd(context: Context, exchange: Exchange, frames: AsyncIterable<Body>): AsyncIterable<Body> {
  let outcome = "failed";
  let reason = "the caller went away";
  try {
    yield* frames;
    outcome = "succeeded";
    reason = "";
  } catch (error) {
    const failure = toAppError(error);
    reason = `route: ${failure.code}${failure.reason ? ` ${failure.reason}` : ""}`;
    throw error;
  } finally {
    const ended = entryOf(context, exchange, { outcome, reason });
    void context.trail.append(ended).catch(() => context.log.error({}, "the end of a stream was not audited"));
  }
}

type Result = { readonly outcome: string; readonly reason?: string; readonly replyHash?: string };

function entryOf(context: Context, exchange: Exchange, result: Result): AuditEntry {
  const { method, caller } = exchange;
  // The hash of a password is a way to guess it.
  const requestHash = context.secrets.has(method.path) ? "" : sha256Hex(exchange.request.bytes);
  return {
    id: newId(),
    tenant: tenantOf(exchange),
    at: new Date(),
    service: "gateway",
    subject: subjectOf(exchange),
    actors: [...(caller?.principal.actors ?? [])],
    action: method.path,
    resource: exchange.surface,
    requestId: exchange.requestId,
    traceId: currentTraceparent()?.split("-")[1] ?? "",
    classification: exchange.classification,
    requestHash,
    outcome: result.outcome,
    reason: result.reason ?? "",
    replyHash: result.replyHash ?? "",
    seq: 0n,
  };
}
