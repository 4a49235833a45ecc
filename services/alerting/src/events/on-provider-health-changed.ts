import type { Received } from "@agentmesh/bus";
import type { ProviderHealthChanged } from "@agentmesh/proto/runner";
import type { Sample } from "../domain/samples.ts";

export function onProviderHealthChanged({ tenant, time, data }: Received<ProviderHealthChanged>): Sample[] {
  const { provider, healthy, at } = data;
  return [{ tenant, series: "provider_health", labels: { provider }, at: at ?? time ?? new Date(), bad: !healthy }];
}
