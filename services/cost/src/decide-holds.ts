import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import type { Charge, HoldReply, HoldRequest } from "@agentmesh/proto/cost";
import type { Context } from "./context.ts";
import { type Budget, periodStart, scopesOf } from "./domain/budget.ts";
import { decideHold, type Room } from "./domain/decide-hold.ts";
import { budgetsOf } from "./store/budgets.ts";
import { findHolds, type HoldRow, insertHolds } from "./store/holds.ts";
import {
  addToScopes,
  lockScopes,
  type ScopeChange,
  type ScopeKey,
  type ScopeState,
  scopeId,
} from "./store/scope-state.ts";

type Granted = { readonly row: HoldRow; readonly changes: readonly ScopeChange[] };

/**
 * Decides a group of holds in one transaction: the scopes of all are locked, then each is decided in turn against what
 * those before it took. A hold that was made before is answered as it was.
 */
export async function decideHolds(
  context: Pick<Context, "db" | "prices" | "config" | "metrics">,
  requests: readonly HoldRequest[],
  now: Date,
): Promise<(HoldReply | Error)[]> {
  const { metrics } = context;
  return context.db.transaction(async (tx) => {
    const keys = requests.map((request) => ({ tenant: chargeOf(request).tenant, attemptId: request.attemptId }));
    const known = new Map((await findHolds(tx, keys)).map((row) => [holdId(row.tenant, row.attempt_id), row]));
    const budgets = await budgetsOf(tx, [...new Set(keys.map((key) => key.tenant))]);
    const month = periodStart(now);
    const states = await lockScopes(
      tx,
      requests.flatMap((request) => scopeKeys(chargeOf(request), month)),
    );
    const rooms = roomsOf(budgets, states, month);
    const granted: Granted[] = [];
    const replies = requests.map((request) => {
      const id = holdId(chargeOf(request).tenant, request.attemptId);
      const before = known.get(id);
      if (before) return replyOf(before);
      try {
        const grant = decideOne(context, request, rooms, month, now);
        granted.push(grant);
        known.set(id, grant.row);
        metrics.held(grant.row.max_output_tokens < request.maxOutputTokens ? "clamped" : "granted");
        return replyOf(grant.row);
      } catch (error) {
        metrics.held("refused");
        return error instanceof Error ? error : new Error(String(error));
      }
    });
    await store(tx, granted, context.config.holds.ttlMs);
    return replies;
  });
}

function decideOne(
  context: Pick<Context, "prices">,
  request: HoldRequest,
  rooms: ReadonlyMap<string, readonly Room[]>,
  month: Date,
  now: Date,
): Granted {
  const charge = chargeOf(request);
  const price = context.prices(charge.tenant, request.provider, request.model, now.getTime());
  const counted = scopesOf(charge).flatMap((scope) => rooms.get(`${charge.tenant}\n${scope}`) ?? []);
  const decision = decideHold(request, price, counted);
  const { tenant, subject, department, project, agent, runId } = charge;
  const row: HoldRow = {
    tenant,
    attempt_id: request.attemptId,
    subject,
    department,
    project,
    agent,
    run_id: runId,
    provider: request.provider,
    model: request.model,
    held_nano_usd: decision.heldNanoUsd,
    max_output_tokens: decision.maxOutputTokens,
    input_tokens: request.inputTokens,
    price_version: price.version,
    period_start: month,
  };
  const changes = scopeKeys(charge, month).map((key) => ({
    ...key,
    spentNanoUsd: 0n,
    heldNanoUsd: decision.heldNanoUsd,
  }));
  return { row, changes };
}

async function store(tx: Queryable, granted: readonly Granted[], ttlMs: number): Promise<void> {
  await insertHolds(
    tx,
    granted.map(({ row }) => row),
    ttlMs,
  );
  await addToScopes(
    tx,
    granted.flatMap(({ changes }) => changes),
  );
}

function roomsOf(
  budgets: readonly Budget[],
  states: ReadonlyMap<string, ScopeState>,
  month: Date,
): Map<string, Room[]> {
  const rooms = new Map<string, Room[]>();
  for (const budget of budgets) {
    const state = states.get(scopeId(budget.tenant, budget.scope, month));
    // A scope nobody in this group charges has no lock and needs no room.
    if (!state) continue;
    const { name, scope, hard, limitNanoUsd } = budget;
    const room = {
      name,
      scope,
      hard,
      limitNanoUsd,
      spentNanoUsd: state.spent_nano_usd,
      heldNanoUsd: state.held_nano_usd,
    };
    const key = `${budget.tenant}\n${scope}`;
    rooms.set(key, [...(rooms.get(key) ?? []), room]);
  }
  return rooms;
}

export function scopeKeys(charge: Charge, month: Date): ScopeKey[] {
  return scopesOf(charge).map((scope) => ({ tenant: charge.tenant, scope, periodStart: month }));
}

function chargeOf(request: HoldRequest): Charge {
  const { charge } = request;
  if (charge?.tenant && charge.subject && request.attemptId) return charge;
  throw new AppError("INVALID_ARGUMENT", "a hold needs attempt_id, charge.tenant and charge.subject", {
    reason: "INVALID",
    field: "charge",
  });
}

function holdId(tenant: string, attemptId: string): string {
  return `${tenant}\n${attemptId}`;
}

function replyOf(row: HoldRow): HoldReply {
  return { heldNanoUsd: row.held_nano_usd, maxOutputTokens: row.max_output_tokens, priceVersion: row.price_version };
}
