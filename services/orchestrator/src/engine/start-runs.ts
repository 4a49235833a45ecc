import { recordAudits } from "@agentmesh/audit";
import { emitAll } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import { workflowStartedEvent } from "@agentmesh/proto/orchestrator.contract";
import { currentTraceparent } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import type { Input } from "../domain/advance.ts";
import { rerunState } from "../domain/rerun.ts";
import { newRun, type Parent } from "../domain/run-state.ts";
import { currentVersions, type Definition } from "../store/definitions.ts";
import { copyShards, findByDedupeKey, insertRuns } from "../store/insert-runs.ts";
import type { RunHead, StoredRun } from "../store/run-rows.ts";
import type { Advanced } from "../store/write-advances.ts";
import { advanceOne } from "./advance-one.ts";
import { carryOut } from "./carry-out.ts";
import { handedSteps, noteHanded } from "./handed-steps.ts";
import type { HandOut } from "./offers.ts";
import { publishOutcome } from "./publish-outcome.ts";
import { together } from "./together.ts";

export type StartRequest = {
  readonly tenant: string;
  readonly workflow: string;
  readonly input: unknown;
  /** Empty: always a new run. */
  readonly dedupeKey: string;
  /** Default: the workflow's. */
  readonly priority: number | undefined;
  /** Whom the run acts for. */
  readonly subject: string;
  readonly actors: readonly string[];
  readonly origin: string;
  readonly requestId: string;
  /** W3C; default: the current span's. */
  readonly traceparent: string | undefined;
  /** Default: a new one. */
  readonly runId?: string;
  /** Default: the workflow's current one. */
  readonly version?: number;
  /** Default: the subject. */
  readonly startedBy?: string;
  /** Its deadline is no later than this. */
  readonly endBeforeMs?: number;
  /** The step that waits for it. */
  readonly parent?: Parent;
  /** How many runs stand above it. Default 0. */
  readonly depth?: number;
  /** An earlier run at the same version, with its heads: only what stands behind `from` is done again. */
  readonly rerun?: { readonly old: StoredRun; readonly from: string };
};

export type StartOutcome =
  | { readonly kind: "started"; readonly run: StoredRun }
  /** Its dedupe key was taken; the id of the run that has it. */
  | { readonly kind: "known"; readonly runId: string }
  | { readonly kind: "refused"; readonly error: AppError };

type Candidate = { readonly request: StartRequest; readonly advanced: Advanced };

/** Starts many runs in one transaction; an outcome for each, in their order. */
export async function startRuns(
  context: Context,
  tx: Transaction,
  requests: readonly StartRequest[],
): Promise<StartOutcome[]> {
  if (requests.length === 0) return [];
  const { versions, nowMs } = await currentVersions(tx, requests);
  const outcomes = new Map<StartRequest, StartOutcome>();
  const candidates: Candidate[] = [];
  const handOut = context.offers.handOut(tx);
  for (const request of requests) {
    const { tenant, workflow } = request;
    const version = request.version ?? versions.get(`${tenant}/${workflow}`);
    const definition = version ? await context.definitions.get(tx, { tenant, workflow, version }) : undefined;
    const error = whyRefused(request, definition);
    if (error) outcomes.set(request, { kind: "refused", error });
    else if (definition)
      candidates.push({ request, advanced: await firstAdvance(context, tx, request, definition, nowMs, handOut) });
  }
  // Two transactions that insert the same keys must do so in the same order.
  const ordered = candidates.toSorted((a, b) => (keyOf(a.request) < keyOf(b.request) ? -1 : 1));
  const stored = await insertRuns(
    tx,
    ordered.map((candidate) => candidate.advanced),
  );
  const started = candidates.filter(({ advanced }) => stored.has(advanced.advance.run.id));
  const taken = candidates.filter(({ advanced }) => !stored.has(advanced.advance.run.id));
  context.dispatcher.take(-countDispatches(taken));
  const known = await findByDedupeKey(
    tx,
    taken.map(({ request }) => request),
  );
  for (const { request } of taken) {
    outcomes.set(request, { kind: "known", runId: known.get(keyOf(request)) ?? "" });
  }
  for (const { request, advanced } of started) {
    outcomes.set(request, { kind: "started", run: { head: advanced.head, state: advanced.advance.run } });
  }
  await announce(context, tx, started);
  for (const { advanced } of started) {
    if (advanced.advance.handed.length === 0) continue;
    handOut.give(handedSteps(advanced));
    const { plan } = await context.definitions.get(tx, advanced.head);
    tx.afterCommit(() => noteHanded(context, advanced, plan));
  }
  return requests.flatMap((request) => outcomes.get(request) ?? []);
}

function whyRefused(request: StartRequest, definition: Definition | undefined): AppError | undefined {
  if (!definition) {
    return new AppError(
      "NOT_FOUND",
      `there is no workflow ${request.workflow}; apply it first, or list what there is`,
      { reason: "UNKNOWN_WORKFLOW", field: "workflow" },
    );
  }
  const from = request.rerun?.from;
  if (from !== undefined && !definition.plan.byId.has(from)) {
    return new AppError(
      "INVALID_ARGUMENT",
      `workflow ${request.workflow} has no step ${from.slice(0, 80)} to run from`,
      {
        reason: "UNKNOWN_STEP",
        field: "from",
      },
    );
  }
  const wrong = definition.checkInput(request.input);
  if (wrong === undefined) return undefined;
  return new AppError("INVALID_ARGUMENT", `workflow ${request.workflow}: ${wrong}`, {
    reason: "INVALID_INPUT",
    field: "input",
  });
}

async function firstAdvance(
  context: Context,
  tx: Transaction,
  request: StartRequest,
  definition: Definition,
  nowMs: number,
  handOut: HandOut,
): Promise<Advanced> {
  const { spec } = definition.plan;
  const head: RunHead = {
    tenant: request.tenant,
    workflow: request.workflow,
    version: definition.version,
    priority: request.priority ?? spec.priority,
    subject: request.subject,
    actors: request.actors,
    origin: request.origin,
    dedupeKey: request.dedupeKey,
    traceparent: request.traceparent ?? currentTraceparent(),
    createdAt: new Date(nowMs),
    depth: request.depth ?? 0,
    light: definition.plan.sharded,
  };
  const deadlineMs = nowMs + spec.deadlineMs;
  const fresh = newRun({
    id: request.runId ?? newId(nowMs),
    input: request.input,
    deadlineMs: Math.min(deadlineMs, request.endBeforeMs ?? deadlineMs),
    slaAtMs: spec.slaMs === undefined ? undefined : nowMs + spec.slaMs,
    parent: request.parent,
    startedBy: request.startedBy ?? request.subject,
    createdAtMs: nowMs,
  });
  const { rerun } = request;
  const again = rerun && rerunState(rerun.old.state, definition.plan, rerun.from, fresh);
  const data = { workflow: head.workflow, version: head.version, origin: head.origin };
  const start: Input = { kind: "start", data, ...(again && { copied: again.copied }) };
  const stored = { head, state: again?.run ?? fresh };
  const more = { shardsOf: rerun?.old.state.id, offer: handOut.offer() };
  const advance = await advanceOne(context, tx, definition.plan, stored, [start], nowMs, more);
  handOut.use(advance.handed.length);
  return { head, advance };
}

/** Shards of what was copied: heads are steps of the new run like any other. */
async function copyShardsOf(tx: Transaction, started: readonly Candidate[]): Promise<void> {
  for (const { request, advanced } of started) {
    const { run, changed } = advanced.advance;
    if (!request.rerun || !advanced.head.light) continue;
    const copied = changed.filter((step) => step.state === "succeeded" && step.detail.counts).map((step) => step.node);
    await copyShards(tx, request.rerun.old.state.id, run.id, copied);
  }
}

/** Audit and events of new runs, in their transaction. */
async function announce(context: Context, tx: Transaction, started: readonly Candidate[]): Promise<void> {
  if (started.length === 0) return;
  await recordAudits(
    tx,
    started.map(({ request, advanced: { head, advance } }) => ({
      tenant: head.tenant,
      service: "orchestrator",
      subject: head.subject,
      actors: request.actors,
      action: "workflow.started",
      resource: `Workflow/${head.workflow}@${head.version}/runs/${advance.run.id}`,
      outcome: "succeeded",
      reason: head.origin,
      requestId: request.requestId,
    })),
  );
  await emitAll(
    tx,
    workflowStartedEvent,
    together(
      started.map(({ advanced: { head, advance } }) => ({
        tenant: head.tenant,
        id: `${advance.run.id}:started`,
        data: {
          runId: advance.run.id,
          workflow: head.workflow,
          workflowVersion: head.version,
          origin: head.origin,
          more: [],
        },
      })),
    ),
  );
  await copyShardsOf(tx, started);
  const all = started.map(({ advanced }) => advanced);
  await carryOut(context, tx, all, startRuns);
  await publishOutcome(context, tx, all);
}

function keyOf({ tenant, workflow, dedupeKey }: StartRequest): string {
  return `${tenant}/${workflow}/${dedupeKey}`;
}

function countDispatches(candidates: readonly Candidate[]): number {
  return candidates.reduce((sum, { advanced }) => sum + advanced.advance.dispatches.length, 0);
}
