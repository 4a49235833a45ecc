import { AppError } from "@agentmesh/errors";
import { AlertState, type ListAlertsReply, type ListAlertsRequest } from "@agentmesh/proto/alerting";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { type AlertPage, listAlerts } from "../store/alerts.ts";
import { fromWireState } from "../wire-state.ts";
import { toWireAlert } from "./to-wire-alert.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 500;

export async function listAllAlerts(
  context: Context,
  request: ListAlertsRequest,
  call: Call,
): Promise<ListAlertsReply> {
  const { tenant } = requirePrincipal(call);
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const page = { tenant, state: stateOf(request.state), after: cursorOf(request.pageToken), limit };
  const alerts = await listAlerts(context.db, page);
  const last = alerts.at(-1);
  const more = alerts.length === limit && last;
  return {
    alerts: alerts.map(toWireAlert),
    nextPageToken: more ? `${last.rank}|${last.changedAt.toISOString()}|${last.id}` : "",
  };
}

function stateOf(wire: AlertState): AlertPage["state"] {
  if (wire === AlertState.UNSPECIFIED) return undefined;
  const state = fromWireState(wire);
  if (state) return state;
  throw new AppError("INVALID_ARGUMENT", `state ${wire} is not known; leave it out to see alerts in all states`, {
    field: "state",
  });
}

function cursorOf(token: string): AlertPage["after"] {
  if (token === "") return undefined;
  const [rank = "", changedAt = "", id] = token.split("|");
  if (/^[0-4]$/.test(rank) && !Number.isNaN(Date.parse(changedAt)) && id) return { rank: Number(rank), changedAt, id };
  throw new AppError("INVALID_ARGUMENT", "page_token is not one that ListAlerts gave; start without one", {
    field: "page_token",
  });
}
