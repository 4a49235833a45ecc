import { loadConfig } from "@agentmesh/config";
import { balanceSettings, databaseSettings, meshSettings, peerAddress } from "@agentmesh/service";
import { z } from "zod";
import { BOUNDS } from "./domain/optimise.ts";

export const configSchema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  peers: z.strictObject({ auth: peerAddress, cache: peerAddress, cost: peerAddress, orchestrator: peerAddress }),
  /** How calls are spread over the instances of a peer. Default: round_robin. */
  balance: z.partialRecord(z.enum(["auth", "cache", "cost", "orchestrator"]), balanceSettings).default({}),
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
  health: z
    .strictObject({
      /** Between probes of each provider in use, in milliseconds. Default 30 000. */
      everyMs: z.int().min(10).default(30_000),
      /** Of one probe, in milliseconds. Default 10 000. */
      timeoutMs: z.int().min(10).default(10_000),
      /** Failed probes in a row that make a provider unhealthy. Default 3. */
      failures: z.int().min(1).default(3),
    })
    .prefault({}),
  optimiser: z
    .strictObject({
      /** How long it watches before it decides, in milliseconds. Default 60 000. */
      everyMs: z.int().min(100).default(60_000),
      bounds: z
        .strictObject({
          /** Share of the heap the process may have, 0 to 1. Default 0.85. */
          memoryShare: z.number().gt(0).max(1).default(BOUNDS.memoryShare),
          /** Share of one processor, 0 to 1. Default 0.9. */
          cpuShare: z.number().gt(0).max(1).default(BOUNDS.cpuShare),
          /** Of each agent: its 95th percentile, what its runs hold, what a run takes of a processor, and how many begin. */
          agent: z
            .strictObject({
              responseMs: z.int().min(1).default(BOUNDS.agent.responseMs),
              memoryBytes: z.int().min(1).default(BOUNDS.agent.memoryBytes),
              cpuShare: z.number().gt(0).max(1).default(BOUNDS.agent.cpuShare),
              requestsPerMinute: z.int().min(1).default(BOUNDS.agent.requestsPerMinute),
            })
            .prefault({}),
        })
        .prefault({}),
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
  runs: z
    .strictObject({
      /** How long a durable run may take, in milliseconds, whoever runs it. Default 600 000. */
      maxMs: z.int().min(1_000).default(600_000),
      /** Without a sign of life for this long a replica is dead and its runs are taken over, in milliseconds. Default 10 000. */
      leaseMs: z.int().min(200).default(10_000),
      /** Between looks for runs whose replica is dead, in milliseconds. Default 2 000. */
      sweepMs: z.int().min(50).default(2_000),
      /** How often a run may begin; after that many dead replicas it failed. Default 3. */
      maxAttempts: z.int().min(1).max(10).default(3),
      /** How long a run waits for its turn in its session, in milliseconds. Default 30 000. */
      sessionWaitMs: z.int().min(0).default(30_000),
      /** How long the events of a run can be read again, in milliseconds; longer than `maxMs`. Default an hour. */
      eventRetentionMs: z.int().min(60_000).default(3_600_000),
    })
    .prefault({}),
  /** A tenant's data policies may say less; then that counts. */
  retention: z
    .strictObject({
      /** How long runs that ended and their ratings are kept, in days. Default 90. */
      runDays: z.int().min(1).default(90),
      /** Sessions in which nothing is said for this long are forgotten, in days. Default 365. */
      sessionDays: z.int().min(1).default(365),
      /** What users said of themselves and do not say again is forgotten after this long, in days. Default 365. */
      memoryDays: z.int().min(1).default(365),
      /** Effects that were had, so that a repeat is known, in days; longer than a workflow may take. Default 30. */
      effectDays: z.int().min(8).default(30),
      /** Between looks for what is old, in milliseconds. Default 60 000. */
      everyMs: z.int().min(50).default(60_000),
    })
    .prefault({}),
  worker: z
    .strictObject({
      /** Workflow steps this process holds at a time. Default 256, which is what one call may claim or renew. */
      places: z.int().min(1).max(256).default(256),
      /** The part of the free places that is offered to a replica of the orchestrator; 0: all come by the queue. Default 0.5. */
      offeredShare: z.number().min(0).max(1).default(0.5),
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
      /** Hosts that may learn tenant and subject of a call, with their port where it is not the usual one. Default: none. */
      identityHosts: z.array(z.string().min(1)).default([]),
    })
    .prefault({}),
  mcp: z
    .strictObject({
      /** Commands that declarations may name as MCP servers; the process gets these arguments and this environment. */
      commands: z
        .record(
          z.string(),
          z.strictObject({
            command: z.string().min(1),
            args: z.array(z.string()).default([]),
            env: z.record(z.string(), z.string()).default({}),
          }),
        )
        .default({}),
    })
    .prefault({}),
});

export type AgentRunnerConfig = z.infer<typeof configSchema>;

export function loadAgentRunnerConfig(): AgentRunnerConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
