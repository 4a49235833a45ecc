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
