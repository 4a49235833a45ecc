import { type Classification, findingActions, findingKinds } from "@agentmesh/inspect";
import { z } from "zod";

/** A DataPolicy resource; the one named `default` is the tenant's. */
export const dataPolicySpec = z.strictObject({
  rules: z.array(z.strictObject({ kind: z.enum(findingKinds), action: z.enum(findingActions) })).max(100),
  /** How long what is kept is kept. Default 2555: seven years. */
  retentionDays: z.int().min(1).max(36_500).default(2555),
});

export type DataPolicy = z.infer<typeof dataPolicySpec>;

/** What must be done to keep data of a classification. */
export function protectionsFor(classification: Classification): string[] {
  switch (classification) {
    case "public":
      return [];
    case "internal":
      return ["access_control"];
    case "confidential":
      return ["access_control", "encrypt", "redact_logs"];
    case "secret":
      return ["access_control", "encrypt", "redact_logs", "audit_reads"];
    default:
      return classification satisfies never;
  }
}
