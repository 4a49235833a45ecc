import { dirname, join } from "node:path";
import { loadConfig } from "@agentmesh/config";
import { balanceSettings, meshSettings, peerAddress, redisSettings } from "@agentmesh/service";
import { z } from "zod";

const perWindow = z.int().min(1);

const limitFigures = z.strictObject({
  /** Requests of one subject in a window. */
  user: perWindow,
  /** Of all subjects of one department. */
  department: perWindow,
  /** Of the whole tenant. */
  tenant: perWindow,
  /** Of one remote address to methods that need no sign-in. */
  address: perWindow,
});

const peers = {
  auth: peerAddress,
  "agent-runner": peerAddress,
  cache: peerAddress,
  orchestrator: peerAddress,
  compliance: peerAddress,
  cost: peerAddress,
  alerting: peerAddress,
} as const;

export const peerNames = z.strictObject(peers).keyof();

const schema = z.strictObject({
  ...meshSettings,
  http: z.strictObject({
    /** HTTP/JSON and SSE; 0: any free port. */
    port: z.int().min(0).max(65_535),
    /** Where callers reach it, for instance https://mesh.example.com; empty: the host they name. */
    publicUrl: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).optional(),
    /** Where callers reach gRPC, for agents' cards; empty: they do not name it. */
    publicGrpcAddress: z.string().optional(),
    /** Pages that may call, for instance https://console.example.com. Default: none. */
    origins: z.array(z.string().regex(/^https?:\/\/[^/\s]+$/, "must be an origin, without a path")).optional(),
  }),
  /** From a request's beginning to the end of its body or message, in milliseconds: who drips is cut off. Default 20 000. */
  requestTimeoutMs: z.int().min(100).optional(),
  /** TLS of the HTTP port. Default: none, for the mesh before it has it. Files are read at the start. */
  tls: z
    .strictObject({
      /** PEM, with its chain; empty: no TLS. */
      certFile: z.string(),
      keyFile: z.string(),
      /** PEM of authorities whose client certificates may stand for accounts of any tenant; empty: none are asked for. */
      clientCaFile: z.string(),
    })
    .optional(),
  /**
   * The SPIFFE id of the mesh's ingress, for instance `spiffe://cluster.local/ns/istio-ingress/sa/ingress`: what it forwards
   * of its callers' addresses and client certificates is believed. Default: nobody's word is.
   */
  ingress: z.union([z.literal(""), z.string().regex(/^spiffe:\/\/[!-+\--:<-~]+$/, "must be a SPIFFE id")]).optional(),
  /** Longest wait of a repeat, by its idempotency key, for the first to end, in milliseconds. Default 10 000. */
  repeatWaitMs: z.int().min(0).optional(),
  redis: redisSettings,
  peers: z.strictObject(peers),
  /** How calls are spread over the instances of a peer. Default: round_robin. */
  balance: z.partialRecord(peerNames, balanceSettings).default({}),
  audit: z.strictObject({
    /** Folder of entries that compliance could not take yet. Default: beside the key file, or /var/spool/agentmesh. */
    spoolDir: z.string().default(""),
  }),
  admission: z.strictObject({
    /** Calls under way at a time, of all tenants; streams count until they begin. Default 1024. */
    places: z.int().min(1).default(1_024),
    /** Calls that wait for a place. Default 2048. */
    queue: z.int().min(0).default(2_048),
    /** Longest wait for a place, in milliseconds; then the call is told to come back later. Default 2000. */
    waitMs: z.int().min(1).default(2_000),
  }),
  limits: z.strictObject({
    /** Which of `profiles` holds. Default: `development` in development, else `production`. */
    profile: z.string().default(""),
    /** `sliding`: in no span of `windowMs` more than the limit; `fixed`: counted anew each `windowMs`. Default sliding. */
    window: z.enum(["sliding", "fixed"]).default("sliding"),
    /** Default one hour. */
    windowMs: z.int().min(1000).default(3_600_000),
    /** The part of a limit a replica holds ready for when Redis is down, already counted. Default 0.05. */
    leaseShare: z.number().min(0).max(0.5).default(0.05),
    profiles: z.record(z.string(), limitFigures),
  }),
});

export type GatewayConfig = z.infer<typeof schema>;
export type LimitFigures = z.infer<typeof limitFigures>;

export function loadGatewayConfig(): GatewayConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), schema, process.env);
}

/** The figures of the chosen profile. @throws Error naming the profiles there are */
export function limitFiguresOf({ environment, limits }: GatewayConfig): LimitFigures {
  const name = limits.profile || (environment === "development" ? "development" : "production");
  const figures = limits.profiles[name];
  if (figures) return figures;
  const known = Object.keys(limits.profiles).join(", ");
  throw new Error(`config: limits.profile ${JSON.stringify(name)} is not one of limits.profiles; there are ${known}`);
}

const REQUEST_TIMEOUT_MS = 20_000;

export function requestTimeoutOf({ requestTimeoutMs = REQUEST_TIMEOUT_MS }: GatewayConfig): number {
  return requestTimeoutMs;
}

const REPEAT_WAIT_MS = 10_000;

export function repeatWaitOf({ repeatWaitMs = REPEAT_WAIT_MS }: GatewayConfig): number {
  return repeatWaitMs;
}

export function spoolDirOf({ environment, audit, workload }: GatewayConfig): string {
  if (audit.spoolDir) return audit.spoolDir;
  return environment === "development" ? join(dirname(workload.keyFile), "gateway-spool") : "/var/spool/agentmesh";
}
