import { balancePolicies } from "@agentmesh/rpc";
import { z } from "zod";

const port = z.int().min(0).max(65_535);

/** What every service of the mesh is told; spread it into the service's own schema. */
export const meshSettings = {
  /** development, staging or production: a label of logs, traces and metrics. */
  environment: z.string().default("development"),
  listen: z.strictObject({
    /** Default 0.0.0.0. */
    host: z.string().default("0.0.0.0"),
    /** gRPC; 0: any free port. */
    grpcPort: port,
    /** Health, readiness and metrics over HTTP; 0: any free port. */
    adminPort: port,
  }),
  nats: z.strictObject({ url: z.string().min(1) }),
  workload: z.strictObject({
    /** Private Ed25519 JWK of this service. */
    keyFile: z.string().min(1),
    /** Public keys of all services. */
    trustFile: z.string().min(1),
  }),
  log: z.strictObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }),
  tracing: z.strictObject({
    /** OTLP/HTTP; empty: spans are not exported. */
    otlpEndpoint: z.string().default(""),
  }),
} as const;

const mesh = z.object(meshSettings);

export type MeshConfig = z.infer<typeof mesh>;

export const databaseSettings = z.strictObject({
  /** postgres://user:password@host:port/database */
  url: z.string().min(1),
  /** Connections of this process. Default 10. */
  maxConnections: z.int().min(1).max(100).default(10),
});

export const redisSettings = z.strictObject({ url: z.string().min(1) });

/** `host:port[,host:port…]` of another service. */
export const peerAddress = z.string().min(1);

/** How calls to a peer are spread over its instances: docs/load-balancing.md says which policy to choose when. */
export const balanceSettings = z.strictObject({
  /** Default round_robin. */
  policy: z.enum(balancePolicies).default("round_robin"),
  /** What consistent_hash keeps together. Default tenant. */
  key: z.enum(["tenant", "session", "call"]).optional(),
  /** Shares by `host:port`. Default 1 each. */
  weights: z.record(z.string(), z.number().positive()).optional(),
  /** consistent_hash: how far above the mean an instance's calls under way may be. Default 1.25. */
  loadFactor: z.number().min(1).optional(),
  /** How fast a measured latency or error is forgotten, in milliseconds. Default 10 000. */
  decayMs: z.int().min(1).optional(),
  /** Between look-ups of DNS names, in milliseconds. Default 30 000. */
  resolveEveryMs: z.int().min(1_000).optional(),
  /** When an instance that answers with errors gets no calls for a while. */
  outliers: z
    .strictObject({
      /** Failed calls in a row. Default 5; 0: none do. */
      consecutiveErrors: z.int().min(0).optional(),
      /** The part of calls that may fail in `windowMs`, once there are `minCalls`. Default 0.5 of 20 in 10 000. */
      errorRate: z.number().min(0).max(1).optional(),
      minCalls: z.int().min(1).optional(),
      windowMs: z.int().min(100).optional(),
      /** The first time out and the longest, in milliseconds; each doubles the one before. Default 5 000 and 300 000. */
      ejectMs: z.int().min(1).optional(),
      maxEjectMs: z.int().min(1).optional(),
      /** The part of all instances that may be out at a time. Default 0.5. */
      maxEjectedShare: z.number().min(0).max(1).optional(),
      /** With a smaller part of all instances usable, ejections are ignored. Default 0.3. */
      panicShare: z.number().min(0).max(1).optional(),
    })
    .optional(),
});
