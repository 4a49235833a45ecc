import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import type { ApprovalChange, ChildStart } from "../domain/outcome.ts";
import { stepKey } from "../domain/run-state.ts";
import { type ApprovalWrite, writeApprovals } from "../store/approvals.ts";
import { deleteWaits, type StoredWait, storeWaits } from "../store/event-waits.ts";
import { notePauses } from "../store/pauses.ts";
import { insertSignals, type Signal } from "../store/signals.ts";
import type { Advanced } from "../store/write-advances.ts";
import type { StartOutcome, StartRequest } from "./start-runs.ts";

/** Runs stand in each other to this depth. */
const MAX_DEPTH = 8;

export type StartRuns = (
  context: Context,
  tx: Transaction,
  requests: readonly StartRequest[],
) => Promise<readonly StartOutcome[]>;

/**
 * Carries out what advances want beyond their own runs, in their transaction: child runs, what parents and children must
 * hear, approvals, waits for events. Called after the advances are written.
 */
export async function carryOut(
  context: Context,
  tx: Transaction,
  all: readonly Advanced[],
  startRuns: StartRuns,
): Promise<void> {
  const signals: Signal[] = all.flatMap(endOf);
  for (const { advance } of all)
    signals.push(...advance.stopChildren.map(({ child }) => stop(child)), ...tellOf(advance));
  signals.push(...(await startChildren(context, tx, all, startRuns)));
  await notePauses(tx, all);
  await writeApprovals(tx, all.flatMap(approvalsOf));
  await deleteWaits(tx, all.flatMap(waitsOver));
  const matched = await storeWaits(tx, all.flatMap(waitsOf));
  if (signals.length === 0 && matched === 0) return;
  await insertSignals(tx, signals);
  tx.afterCommit(() => context.wakeSignals());
}

/** What the parent of a run that ended must hear. */
function endOf({ advance: { run, ended } }: Advanced): Signal[] {
  const { parent, phase } = run;
  if (!ended || !parent || phase === "running" || phase === "compensating") return [];
  const { node, shard } = parent;
  return [{ kind: "child-ended", run: parent.run, ref: run.id, data: { node, shard, phase, failure: run.failure } }];
}

function stop(child: string): Signal {
  const data = { by: "its parent run", reason: "the step that started it is no longer wanted" };
  return { kind: "cancel", run: child, ref: undefined, data };
}

/** Of what was said to a child in one advance the last counts. */
function tellOf({ run, tellChildren }: Advanced["advance"]): Signal[] {
  const last = new Map(tellChildren.map(({ child, kind }) => [child, kind]));
  const data = { by: "its parent run", parentSeq: run.seq };
  return [...last].map(([child, kind]) => ({ kind, run: child, ref: undefined, data }));
}

async function startChildren(
  context: Context,
  tx: Transaction,
  all: readonly Advanced[],
  startRuns: StartRuns,
): Promise<Signal[]> {
  const children = all.flatMap((one) => one.advance.children.map((child) => ({ child, parent: one })));
  if (children.length === 0) return [];
  const refused: Signal[] = [];
  const requests: StartRequest[] = [];
  const byRequest = new Map<StartRequest, { child: ChildStart; parent: Advanced }>();
  for (const each of children) {
    if (each.parent.head.depth + 1 > MAX_DEPTH) {
      refused.push(
        notStarted(each, `runs stand in each other more than ${MAX_DEPTH} deep; does a workflow start itself?`),
      );
      continue;
    }
    const request = requestOf(each.child, each.parent);
    requests.push(request);
    byRequest.set(request, each);
  }
  const outcomes = await startRuns(context, tx, requests);
  context.metrics.started("step", outcomes.filter((outcome) => outcome.kind === "started").length);
  for (const [index, request] of requests.entries()) {
    const outcome = outcomes[index];
    const each = byRequest.get(request);
    if (outcome?.kind === "refused" && each) refused.push(notStarted(each, outcome.error.message));
  }
  return refused;
}

function requestOf(child: ChildStart, { head, advance: { run } }: Advanced): StartRequest {
  return {
    tenant: head.tenant,
    workflow: child.workflow,
    input: child.input,
    dedupeKey: `child:${run.id}:${child.node}:${child.shard}:${child.attempt}`,
    priority: head.priority,
    subject: head.subject,
    actors: head.actors,
    origin: `step:${run.id}/${stepKey(child.node, child.shard)}`,
    requestId: run.id,
    traceparent: head.traceparent,
    runId: child.child,
    startedBy: run.startedBy,
    endBeforeMs: child.deadlineMs,
    parent: { run: run.id, node: child.node, shard: child.shard },
    depth: head.depth + 1,
  };
}

function notStarted({ child, parent }: { child: ChildStart; parent: Advanced }, why: string): Signal {
  const { node, shard, workflow } = child;
  const message = `workflow ${workflow} could not be started: ${why}`;
  const failure = { code: "FAILED_PRECONDITION", message, retryable: false };
  const data = { node, shard, phase: "failed", failure } as const;
  return { kind: "child-ended", run: parent.advance.run.id, ref: child.child, data };
}

function approvalsOf({ head, advance: { run, approvals } }: Advanced): ApprovalWrite[] {
  return approvals.map((approval: ApprovalChange) => ({
    id: newId(),
    run: run.id,
    node: approval.node,
    shard: approval.shard,
    tenant: head.tenant,
    workflow: head.workflow,
    state: approval.state,
    title: approval.title,
    input: approval.input ?? null,
    args_hash: approval.argsHash,
    subjects: approval.approvers.subjects,
    roles: approval.approvers.roles,
    not_by: approval.notByStarter ? run.startedBy : null,
    expires_at: approval.expiresAtMs === undefined ? null : new Date(approval.expiresAtMs),
    decided_by: approval.by === "" ? null : approval.by,
    comment: approval.comment,
    atMs: Date.now(),
  }));
}

function waitsOf({ head, advance: { run, eventWaits } }: Advanced): StoredWait[] {
  return eventWaits.map(({ node, shard, publisher, type, match, key }) => ({
    run: run.id,
    node,
    shard,
    tenant: head.tenant,
    publisher,
    type,
    match: match ?? "",
    key,
    since: head.createdAt,
  }));
}

/** Steps that waited for an event and no longer do: it came too late, or never. */
function waitsOver({ advance: { run, before, changed } }: Advanced) {
  return changed.flatMap(({ node, shard, state }) => {
    const was = before.steps.get(stepKey(node, shard));
    const isOver = was?.state === "waiting" && state !== "waiting" && was.detail.key !== undefined;
    return isOver ? [{ run: run.id, node, shard }] : [];
  });
}
