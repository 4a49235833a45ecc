import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";

export const configSchema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  engine: z
    .strictObject({
      /** How long a claim or heartbeat keeps a step, in milliseconds. */
      leaseMs: z.int().min(100).default(30_000),
      redispatchAfterMs: z.int().min(100).default(30_000),
      /** Steps that may be dispatched and unclaimed at a time. */
      credit: z.int().min(1).max(100_000).default(1000),
      sweepEveryMs: z.int().min(10).default(1000),
      maxTakeovers: z.int().min(0).max(100).default(5),
    })
    .prefault({}),
  retention: z
    .strictObject({
      /** More than the longest deadline of a run, so that what is older has ended. */
      eventDays: z.int().min(8).default(30),
      everyMs: z.int().min(10).default(60_000),
    })
    .prefault({}),
});

export type OrchestratorConfig = z.infer<typeof configSchema>;

export function loadOrchestratorConfig(): OrchestratorConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
