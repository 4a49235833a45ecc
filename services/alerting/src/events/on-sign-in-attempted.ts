import type { Received } from "@agentmesh/bus";
import type { SignInAttempted } from "@agentmesh/proto/auth";
import type { Sample } from "../domain/samples.ts";

/** Without the name and the address: whoever attacks chooses those, and each would be a label set. */
export function onSignInAttempted({ tenant, time, data }: Received<SignInAttempted>): Sample[] {
  const { reason, succeeded } = data;
  return [{ tenant, series: "sign_in", labels: { reason }, at: time ?? new Date(), bad: !succeeded }];
}
