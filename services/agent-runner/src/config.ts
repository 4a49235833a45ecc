import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings, peerAddress } from "@agentmesh/service";
import { z } from "zod";

export const configSchema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  peers: z.strictObject({ auth: peerAddress, cache: peerAddress, cost: peerAddress, orchestrator: peerAddress }),
  models: z
    .strictObject({
      /** `provider/model` behind the alias `default`; empty: OpenAI's where it has a key, else the embedded one. */
      default: z.string().default(""),
      /** The model behind `default` when OpenAI has a key. */
      openaiModel: z.string().min(1).default("gpt-4.1-mini"),
      /** Keys and addresses by the name of a preset; one without what it needs is off. */
      providers: z
        .record(
          z.string(),
          z.strictObject({ apiKey: z.string().nullish().default(""), baseUrl: z.string().nullish().default("") }),
        )
        .default({}),
      /** Before the first retry of a model call, in milliseconds. Default 1 000. */
      retryDelayMs: z.int().min(0).default(1_000),
    })
    .prefault({}),
  pool: z
    .strictObject({
      /** Runs of one agent at a time in this process. Default 10. */
      places: z.int().min(1).default(10),
      /** Runs of one agent that may wait for a place. Default 100. */
      queue: z.int().min(0).default(100),
    })
    .prefault({}),
  worker: z
    .strictObject({
      /** Workflow steps this process holds at a time. Default 256, which is what one call may claim or renew. */
      places: z.int().min(1).max(256).default(256),
      /** Between renewals of the leases, in milliseconds. Default 10 000. */
      heartbeatMs: z.int().min(50).default(10_000),
      /** How long steps may go on when the process is told to end, in milliseconds; the rest is handed back. */
      drainMs: z.int().min(0).default(10_000),
    })
    .prefault({}),
  httpTools: z
    .strictObject({
      /** Whether HTTP tools may reach loopback and private addresses. Default false: those are the mesh's own. */
      allowPrivateNetworks: z.boolean().default(false),
    })
    .prefault({}),
});

export type AgentRunnerConfig = z.infer<typeof configSchema>;

export function loadAgentRunnerConfig(): AgentRunnerConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
