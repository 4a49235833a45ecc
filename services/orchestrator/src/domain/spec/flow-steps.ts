import { conditionSchema } from "@agentmesh/mapping";
import { z } from "zod";
import { anyStep, DAY_MS, eventType, MAX_DEADLINE_MS, onFailure, resourceName, stepId } from "./step-parts.ts";

export const emitStep = z.strictObject({
  ...anyStep,
  kind: z.literal("emit"),
  event: z.strictObject({
    type: eventType,
    /** Text or path; the last token of the subject. Default: the run's id. */
    key: z.string().max(200).optional(),
  }),
});

/** The first case whose condition holds is taken; steps that depend on `<id>:<another case>` are skipped. */
export const branchStep = z.strictObject({
  ...anyStep,
  kind: z.literal("branch"),
  cases: z
    .array(z.strictObject({ name: stepId, when: conditionSchema }))
    .min(1)
    .max(50),
  /** Name of the case when none holds. Default: no case is taken. */
  else: stepId.optional(),
});

const subjects = z.array(z.string().min(1).max(200)).max(100);
const roles = z.array(z.string().min(1).max(100)).max(100);

export const approvalStep = z.strictObject({
  ...anyStep,
  ...onFailure,
  kind: z.literal("approval"),
  title: z.string().min(1).max(500),
  /** Default: whoever may decide approvals. */
  approvers: z.strictObject({ subjects: subjects.default([]), roles: roles.default([]) }).optional(),
  /** starter: who started the run may not decide (four eyes). */
  notBy: z.enum(["starter"]).optional(),
  timeoutMs: z.int().min(1000).max(MAX_DEADLINE_MS).default(DAY_MS),
  /** What becomes of the step when nobody decides: APPROVAL_EXPIRED, or APPROVAL_REJECTED. */
  onTimeout: z.enum(["fail", "reject"]).default("fail"),
  /** After a while others may decide too. */
  escalate: z
    .array(
      z.strictObject({
        afterMs: z.int().min(1000).max(MAX_DEADLINE_MS),
        subjects: subjects.default([]),
        roles: roles.default([]),
      }),
    )
    .max(10)
    .default([]),
});

export const waitStep = z
  .strictObject({
    ...anyStep,
    ...onFailure,
    kind: z.literal("wait"),
    timerMs: z.int().min(0).max(MAX_DEADLINE_MS).optional(),
    /** Path to a time such as 2026-12-01T09:00:00Z. */
    until: z.string().startsWith("$.").optional(),
    event: z
      .strictObject({
        type: eventType,
        publisher: resourceName,
        /** Path into the event ({ id, type, data, time }). Default: any event of the type. */
        match: z.string().startsWith("$.").optional(),
        /** Mapping in the run of what `match` must lead to. */
        equals: z.unknown().optional(),
      })
      .refine((event) => (event.match === undefined) === (event.equals === undefined), {
        error: "match and equals come together: a path into the event and what it must lead to",
      })
      .optional(),
    /** For an event. Default: the run's deadline. */
    timeoutMs: z.int().min(1000).max(MAX_DEADLINE_MS).optional(),
  })
  .refine((step) => [step.timerMs, step.until, step.event].filter((part) => part !== undefined).length === 1, {
    error: "a wait names exactly one of timerMs, until and event",
  })
  .refine((step) => step.timeoutMs === undefined || step.event !== undefined, {
    error: "timeoutMs is for waits for an event; a timer has its time",
  });

const candidate = z
  .strictObject({
    agent: resourceName.optional(),
    team: resourceName.optional(),
    workflow: resourceName.optional(),
    capabilities: z.array(z.string().min(1).max(100)).max(100),
  })
  .refine((found) => [found.agent, found.team, found.workflow].filter((name) => name !== undefined).length === 1, {
    error: "a candidate names exactly one of agent, team and workflow",
  });

export type Candidate = z.infer<typeof candidate>;

/** Picks who fits best; another step then names `$.steps.<id>.output.chosen`. */
export const routeStep = z.strictObject({
  ...anyStep,
  ...onFailure,
  kind: z.literal("route"),
  candidates: z.array(candidate).min(1).max(100),
  /** Mapping to a list of capabilities. */
  needs: z.unknown(),
  /** Share of the needs that a candidate must cover. */
  atLeast: z.number().min(0).max(1).default(0.8),
});
