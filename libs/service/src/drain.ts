import { GRPC_DRAIN_MS } from "@agentmesh/rpc";

const NATS_DRAIN_MS = 15_000;

/** How long a process may take to end after SIGTERM; a pod's grace period is its preStop and these, see deploy/charts. */
export const drain = {
  /** Calls under way end; no new ones are taken. */
  grpcMs: GRPC_DRAIN_MS,
  /** Messages in hand are applied and acknowledged, the outbox is relayed. */
  natsMs: NATS_DRAIN_MS,
  /** Then the process gives up, a second before the grace period ends, so that the exit code is still its own. */
  boundMs: GRPC_DRAIN_MS + NATS_DRAIN_MS - 1_000,
} as const;
