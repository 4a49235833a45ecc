import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";

const schema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  holds: z.strictObject({
    /** Milliseconds until a hold nobody settles becomes an estimated row. Default 120 000: longer than any model call. */
    ttlMs: z.int().min(1000).default(120_000),
    /** Milliseconds between looks for such holds. Default 2 000. */
    sweepMs: z.int().min(100).default(2000),
  }),
  /** What becomes of a call whose model has no price. Default: refused. */
  unknownPrice: z.enum(["refuse", "ceiling"]).default("refuse"),
});

export type CostConfig = z.infer<typeof schema>;

export function loadCostConfig(): CostConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), schema, process.env);
}
