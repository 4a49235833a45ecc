import type { Bus } from "@agentmesh/bus";
import type { Policy } from "@agentmesh/inspect";
import type { Database, GroupCommit } from "@agentmesh/postgres";
import type { AuditEntry } from "@agentmesh/proto/compliance";
import type { Logger } from "@agentmesh/telemetry";
import type { DataPolicy } from "./domain/data-policy.ts";
import type { CheckpointSigner } from "./domain/signed-note.ts";
import type { ComplianceMetrics } from "./metrics.ts";

export type Context = {
  readonly log: Logger;
  readonly db: Database;
  readonly bus: Bus;
  readonly metrics: ComplianceMetrics;
  readonly signer: CheckpointSigner;
  /** What a tenant does about findings; the shipped policy until it declares its own. */
  readonly policyOf: (tenant: string) => { policy: Policy; spec: DataPolicy };
  /** Entries that arrive together are appended in one transaction. Resolves when they are durable. */
  readonly append: GroupCommit<readonly AuditEntry[], number>;
};
