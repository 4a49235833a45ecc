import type { Received } from "@agentmesh/bus";
import type { RequestRefused } from "@agentmesh/proto/gateway";
import type { Sample } from "../domain/samples.ts";

export function onRequestRefused({ tenant, time, data }: Received<RequestRefused>): Sample[] {
  const { stage, code } = data;
  return [{ tenant, series: "request_refused", labels: { stage, code }, at: data.at ?? time ?? new Date() }];
}
