import { AlertState as WireState } from "@agentmesh/proto/alerting";
import type { AlertState } from "./domain/transition.ts";

const states = {
  pending: WireState.PENDING,
  active: WireState.ACTIVE,
  acknowledged: WireState.ACKNOWLEDGED,
  suppressed: WireState.SUPPRESSED,
  resolved: WireState.RESOLVED,
} as const satisfies Record<AlertState, WireState>;

const names: readonly AlertState[] = ["pending", "active", "acknowledged", "suppressed", "resolved"];

export function toWireState(state: AlertState): WireState {
  return states[state];
}

/** `undefined` for UNSPECIFIED and for what a newer caller may know. */
export function fromWireState(wire: WireState): AlertState | undefined {
  return names.find((name) => states[name] === wire);
}
