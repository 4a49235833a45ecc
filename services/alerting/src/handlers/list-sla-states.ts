import type { ListSlaStatesReply, SlaState } from "@agentmesh/proto/alerting";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { metricOf } from "../domain/metrics.ts";
import { compileTarget, type SlaTarget, slaFigures } from "../domain/sla.ts";
import { tierFor, windowStart } from "../domain/tiers.ts";
import { declaredOf } from "../store/resources.ts";
import { measureSlots } from "../store/samples.ts";

export async function listSlaStates(context: Context, call: Call): Promise<ListSlaStatesReply> {
  const { tenant } = requirePrincipal(call);
  const now = new Date();
  const slas: SlaState[] = [];
  // One after the other: a tenant with many targets does not take every connection.
  for (const { name, spec } of await declaredOf(context.db, [tenant], "SlaTarget")) {
    slas.push(await stateOf(context, compileTarget(tenant, name, spec), now));
  }
  return { slas };
}

async function stateOf({ db }: Context, target: SlaTarget, now: Date): Promise<SlaState> {
  const { tenant, name, metric, where, windowS } = target;
  const { stepS } = tierFor(windowS);
  const since = windowStart(now, windowS, stepS);
  const rows = await measureSlots(db, { series: metricOf(metric).series, stepS, since, tenant, where });
  const slots = rows.map(({ bucket, ...measured }) => ({ at: bucket, measured }));
  const { samples, ...figures } = slaFigures(target, slots, stepS, now);
  return { name, metric, target: target.target, windowS, ...figures, samples: BigInt(samples) };
}
