import type { Received } from "@agentmesh/bus";
import type { DlpFound } from "@agentmesh/proto/compliance";
import type { Sample } from "../domain/samples.ts";

/** A finding for each kind of data in a text. */
export function onDlpFound({ tenant, time, data }: Received<DlpFound>): Sample[] {
  const { place, action } = data;
  const at = time ?? new Date();
  return data.kinds.map((kind) => ({ tenant, series: "dlp_found", labels: { place, kind, action }, at }));
}
