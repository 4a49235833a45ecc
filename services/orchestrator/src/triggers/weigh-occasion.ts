import { AppError, isAppError } from "@agentmesh/errors";
import { inspectValue, type Policy } from "@agentmesh/inspect";
import type { Mapped } from "@agentmesh/mapping";
import type { StartRequest } from "../engine/start-runs.ts";
import type { TriggerSpec } from "./trigger-spec.ts";

/** A trigger made ready. */
export type Trigger = {
  readonly tenant: string;
  readonly name: string;
  readonly spec: TriggerSpec;
  readonly input: Mapped;
};

/** What a trigger's input maps from. */
export type Occasion = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly time: Date | undefined;
  readonly data: unknown;
  /** Of one workflow, an occasion with the same key starts one run. */
  readonly dedupeKey: string;
  readonly traceparent: string | undefined;
};

export type Found = { readonly kinds: readonly string[]; readonly action: "redact" | "block" };

/** What an occasion asks for, or why it starts nothing; with what was found in its text. */
export type Weighed = {
  readonly eventId: string;
  /** Tells this delivery from others of the trigger, for what is kept of those that started nothing. */
  readonly delivery: string;
  /** Where it came in, for people. */
  readonly subject: string;
  /** Who caused it: `publisher:helpdesk`, `schedule:nightly`, `webhook:shop`. */
  readonly actor: string;
  readonly outcome: { readonly request: StartRequest } | { readonly error: AppError };
  readonly found: Found | undefined;
};

export type Arrival = Pick<Weighed, "eventId" | "delivery" | "subject" | "actor">;

/** Reads an occasion, maps the run's input and inspects it by the tenant's policy. What is wrong is the outcome. */
export function weighOccasion(trigger: Trigger, arrival: Arrival, policy: Policy, read: () => Occasion): Weighed {
  try {
    const occasion = read();
    const { value, findings, blocked, problem } = inspectValue(inputOf(trigger, occasion), policy);
    const kinds = [...new Set(findings.filter((one) => one.action !== "allow").map((one) => one.kind))];
    const found: Found | undefined =
      kinds.length > 0 || blocked ? { kinds, action: blocked ? "block" : "redact" } : undefined;
    if (blocked) return { ...arrival, found, outcome: { error: blockedError(kinds, problem) } };
    return { ...arrival, found, outcome: { request: requestOf(trigger, arrival, occasion, value) } };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { ...arrival, found: undefined, outcome: { error } };
  }
}

function inputOf(trigger: Trigger, { id, source, type, subject, time, data }: Occasion): unknown {
  const input = trigger.input({ id, source, type, subject, time: time?.toISOString() ?? null, data });
  if (input !== null && typeof input === "object" && !Array.isArray(input)) return input;
  throw invalid(
    "INVALID_INPUT",
    `the trigger's input maps to ${JSON.stringify(input)?.slice(0, 60)}, expected an object`,
  );
}

function requestOf(trigger: Trigger, arrival: Arrival, occasion: Occasion, input: unknown): StartRequest {
  const { tenant, name, spec } = trigger;
  return {
    tenant,
    workflow: spec.workflow,
    input,
    dedupeKey: occasion.dedupeKey,
    priority: undefined,
    subject: `svc:${spec.runAs}`,
    actors: [arrival.actor],
    origin: `trigger:${name}:${occasion.id}`,
    requestId: occasion.id,
    traceparent: occasion.traceparent,
  };
}

function blockedError(kinds: readonly string[], problem: string | undefined): AppError {
  const why = problem ?? `it holds ${kinds.join(", ")}, which the tenant's policy blocks`;
  return invalid("DLP_BLOCKED", `the event's data is refused: ${why}`);
}

export function invalid(reason: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", message, { reason });
}
