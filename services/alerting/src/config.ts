import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";

const SECRET_PREFIX = "WEBHOOK_SECRET_";

const schema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  evaluation: z.strictObject({
    /** Milliseconds between evaluations of all rules. Default 1 000. */
    everyMs: z.int().min(50).default(1000),
    /** Milliseconds of silence after which another replica takes the evaluation over. Default 5 000. */
    leaseMs: z.int().min(500).default(5000),
  }),
  webhooks: z.strictObject({
    /** Milliseconds for one POST, name resolution included. Default 5 000. */
    timeoutMs: z.int().min(100).default(5000),
    /** Sends of one notification before it is dead. Default 40: about five hours with the default delays. */
    attempts: z.int().min(1).max(1000).default(40),
    /** Milliseconds before the second send; doubles each time. Default 1 000. */
    retryMs: z.int().min(10).default(1000),
    /** Default 600 000. */
    maxRetryMs: z.int().min(10).default(600_000),
    /**
     * Addresses that are not public and may be called all the same: `none`, `loopback`, or `private` (all of them).
     * Default `auto`: loopback in development and test, none elsewhere.
     */
    reach: z.enum(["auto", "none", "loopback", "private"]).default("auto"),
  }),
  retention: z.strictObject({
    /** Days that resolved alerts and their notifications are kept. Default 90. */
    alertsDays: z.int().min(1).default(90),
    /** Milliseconds between sweeps. Default 60 000. */
    sweepMs: z.int().min(100).default(60_000),
  }),
});

/** The settings of the file, and the webhooks' secrets by the name of their environment variable. */
export type AlertingConfig = z.infer<typeof schema> & { readonly secrets: ReadonlyMap<string, string> };

export function loadAlertingConfig(): AlertingConfig {
  const secrets = new Map<string, string>();
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith(SECRET_PREFIX) && value) secrets.set(name, value);
  }
  return { ...loadConfig(new URL("../config.yaml", import.meta.url), schema, process.env), secrets };
}
