import type { StepWork } from "@agentmesh/proto/orchestrator";
import type { EffectScope } from "../run/run-request.ts";
import type { Lease } from "./leases.ts";

/** What a worker holds of a step while it works on it. */
export type StepLease = Pick<Lease, "signal" | "assertMayAct" | "act">;

/** Effects keep their keys over attempts, which answers do not. */
export function effectsOf({ idempotencyKey: key, attempt }: StepWork, lease: StepLease): EffectScope {
  return {
    key,
    attempt,
    assertMayAct: () => lease.assertMayAct(performance.now()),
    act() {
      const act = lease.act();
      return {
        assertMayAct: () => act.assertMayAct(performance.now()),
        [Symbol.dispose]: () => act[Symbol.dispose](),
      };
    },
  };
}
