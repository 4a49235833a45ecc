import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";
import { scalingSettings } from "./scaling/settings.ts";

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
      /** Runs that ended longer ago are archived: their steps and values go, their head, state, cost and times stay. */
      runDays: z.int().min(1).default(30),
      archiveDays: z.int().min(1).default(365),
      rejectionDays: z.int().min(1).default(30),
      /** How long an event is kept for waits that begin after it; the longest deadline of a run. */
      arrivedDays: z.int().min(1).default(7),
      everyMs: z.int().min(10).default(60_000),
    })
    .prefault({}),
  webhooks: z
    .strictObject({
      /** Folder with the secrets of webhook triggers, files `<tenant>.<name>`; empty: all webhooks are refused. */
      secretsDir: z.string().default(""),
    })
    .prefault({}),
  /** Absent: replicas are none of its business. */
  scaling: scalingSettings.optional(),
});

export type OrchestratorConfig = z.infer<typeof configSchema>;

export function loadOrchestratorConfig(): OrchestratorConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
