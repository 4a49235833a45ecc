import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";

const schema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  /** File with 32 bytes in base64 that wrap the signing key. */
  masterKeyFile: z.string().min(1),
  audit: z.strictObject({
    /** Milliseconds between signed checkpoints of a tree that grows. Default 5 000. */
    checkpointMs: z.int().min(50).default(5000),
  }),
});

export type ComplianceConfig = z.infer<typeof schema>;

export function loadComplianceConfig(): ComplianceConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), schema, process.env);
}
