// What startMesh takes and gives: the whole mesh as one value that tests, benchmarks and `npm start` drive.

import type { SupervisedProcess } from "../processes/supervisor.ts";
import type { Secrets } from "../provision/secrets.ts";

export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

export type MeshOptions = {
  /** Holds data, logs and secrets; default .agentmesh of this checkout. Another root is another mesh. */
  readonly root?: string;
  /** Processes by service, default 1 each: `{ orchestrator: 2 }`. */
  readonly replicas?: Readonly<Record<string, number>>;
  /** Gets one line per step; default: standard output. */
  readonly log?: (line: string) => void;
  /** No lines at all. */
  readonly quiet?: boolean;
  /** Added to this process's environment, for the mesh and for every service. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The command of a service's process; default `node services/<name>/src/main.ts` of this checkout. For tests of the
   * runner itself.
   */
  readonly command?: (service: string) => readonly string[];
  /**
   * The environment of one process, from the one it would have; called once, before its first start. Default: as it is.
   * For tests that stand between a process and its peers.
   */
  readonly environment?: (process: MeshService, env: ProcessEnvironment) => Promise<ProcessEnvironment>;
  /** How long all services together may take to get ready; default 60 000. */
  readonly readyWithinMs?: number;
  /** Ends the start: what runs is stopped and startMesh rejects. No effect once the mesh is up. */
  readonly signal?: AbortSignal;
};

export type MeshService = {
  /** Process name: the service's, with `-2`, `-3` for its further replicas. */
  readonly name: string;
  readonly service: string;
  readonly grpcAddress: string;
  readonly adminUrl: string;
  /** Only the gateway. */
  readonly httpUrl?: string;
};

export type RunningMesh = {
  readonly root: string;
  readonly logDir: string;
  /** `host:port[,host:port]` of the gateway's gRPC surface. */
  readonly gatewayAddress: string;
  readonly httpUrl: string;
  readonly tenant: string;
  readonly adminUsername: string;
  readonly adminPassword: string;
  /**
   * NATS as the shipped publisher (acme.helpdesk) with its password; empty once that is revoked, and with a NATS_URL from
   * outside and no NATS_PUBLISHER_URL.
   */
  readonly publisherUrl: string;
  /** NATS as the administrator of the mesh's account. */
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly postgresAdminUrl: string;
  /** By service, as its own role in its own schema. */
  readonly postgresUrls: Readonly<Record<string, string>>;
  /** By service, `host:port[,host:port]`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly services: readonly MeshService[];
  readonly secrets: Secrets;
  /** From the call of startMesh until every service was ready. */
  readonly readyInMs: number;
  /** What runs now, servers included (those that came as URLs are not ours). */
  processes(): readonly SupervisedProcess[];
  /** Pids by process name. */
  pids(): Readonly<Record<string, number>>;
  /** Signals a process, default SIGKILL, and for that waits until it is gone. It is started again by itself. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Waits until the process answers (after a kill: the new one). Default bound 60 000. */
  waitReady(name: string, timeoutMs?: number): Promise<void>;
  logFileOf(name: string): string;
  /** Drains the services, the gateway first, then ends the servers. Idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};
