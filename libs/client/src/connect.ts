import { alertingContract } from "@agentmesh/proto/alerting.contract";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { gatewayContract } from "@agentmesh/proto/gateway.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { AgentRunEvent, RunAgentRequest } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import {
  type CallOptions,
  type Client,
  type Contract,
  createClient,
  type DeepPartial,
  openChannel,
} from "@agentmesh/rpc";
import type { ApplyResult } from "./apply-file.ts";
import { readGatewayAddress, type Tls } from "./gateway-address.ts";
import { type StreamAgentOptions, streamAgent } from "./stream-agent.ts";

export type ConnectOptions = {
  /** The gateway's gRPC address: `host:port[,host:port…]`, or `https://host[:port]` with TLS. */
  readonly address: string;
  /** PEM texts for an https address: who signed the gateway's certificate (default: who Node trusts), and ours. */
  readonly tls?: Tls;
  /** An access token, for instance from `auth.signIn`. `setToken` replaces it. */
  readonly token?: string;
  /** Signs each call in with an API key instead. */
  readonly apiKey?: string;
  /** Signs each call in with the certificate of `tls` instead, as somebody of this tenant. */
  readonly certificateOf?: string;
};

/** Every service of the mesh through its gateway; methods are the RPCs in lowerCamel. Failures are AppErrors. */
export type MeshClient = AsyncDisposable & {
  readonly auth: Client<typeof authContract>;
  readonly gateway: Client<typeof gatewayContract>;
  readonly runner: Client<typeof runnerContract>;
  readonly cache: Client<typeof cacheContract>;
  readonly orchestrator: Client<typeof orchestratorContract>;
  readonly compliance: Client<typeof complianceContract>;
  readonly cost: Client<typeof costContract>;
  readonly alerting: Client<typeof alertingContract>;
  /** Runs an agent and yields what happens until its end; a stream that breaks is resumed where it was. */
  streamAgent(request: DeepPartial<RunAgentRequest>, options?: StreamAgentOptions): AsyncIterable<AgentRunEvent>;
  /** Calls from now on carry this access token. */
  setToken(token: string): void;
  /**
   * Applies every resource of a YAML file in an order in which references resolve. Repeatable; stops at the first that is
   * refused.
   *
   * @param env for `${NAME}` in the file; only what is given here is seen
   * @throws AppError naming file and document
   */
  applyFile(
    path: string,
    env?: Readonly<Record<string, string | undefined>>,
    options?: { dryRun?: boolean },
  ): Promise<ApplyResult[]>;
};

/** Opens lazily: the first call connects. Dispose it to close the connection. */
export function connect(options: ConnectOptions): MeshClient {
  let { token } = options;
  const retryable = CONTRACTS.flatMap((contract) => Object.values(contract.methods))
    .filter((method) => method.idempotency !== "EFFECT")
    .map((method) => method.path);
  const channel = openChannel({ ...readGatewayAddress(options.address, options.tls), retryable });

  function credentials(): CallOptions {
    if (options.apiKey) return { metadata: { "x-api-key": options.apiKey } };
    if (token) return { token };
    return options.certificateOf ? { metadata: { [TENANT_HEADER]: options.certificateOf } } : {};
  }

  function client<C extends Contract>(contract: C): Client<C> {
    return withCredentials(contract, createClient(contract, { address: channel }), credentials);
  }

  const runner = client(runnerContract);
  const mesh: MeshClient = {
    auth: client(authContract),
    gateway: client(gatewayContract),
    runner,
    cache: client(cacheContract),
    orchestrator: client(orchestratorContract),
    compliance: client(complianceContract),
    cost: client(costContract),
    alerting: client(alertingContract),
    streamAgent: (request, options) => streamAgent(runner, request, options),
    setToken(fresh) {
      token = fresh;
    },
    async applyFile(path, env = {}, { dryRun = false } = {}) {
      // YAML and schemas are half of what this library loads, and most callers never apply a file.
      const { applyFile } = await import("./apply-file.ts");
      return applyFile(mesh, path, env, dryRun);
    },
    async [Symbol.asyncDispose]() {
      channel[Symbol.dispose]();
    },
  };
  return mesh;
}

/** Names the tenant in which the gateway looks a client certificate up. */
export const TENANT_HEADER = "x-agentmesh-tenant";

const CONTRACTS: readonly Contract[] = [
  authContract,
  gatewayContract,
  runnerContract,
  cacheContract,
  orchestratorContract,
  complianceContract,
  costContract,
  alertingContract,
];

function withCredentials<C extends Contract>(
  contract: C,
  client: Client<C>,
  credentials: () => CallOptions,
): Client<C> {
  const methods = Object.keys(contract.methods).map((name) => {
    const call = client[name] as (request: never, options: CallOptions) => unknown;
    return [name, (request: never, given: CallOptions = {}) => call(request, merged(credentials(), given))];
  });
  // Built from the very methods of the client that the type describes.
  return Object.fromEntries(methods) as Client<C>;
}

function merged(own: CallOptions, given: CallOptions): CallOptions {
  return { ...own, ...given, ...(own.metadata && { metadata: { ...own.metadata, ...given.metadata } }) };
}
