// A proxy between each process and PostgreSQL, between orchestrators and runners and NATS, and between each runner and
// each orchestrator. They stay while the processes behind them die and come back.
import type { MeshOptions } from "@agentmesh/local";
import { startGrpcProxy } from "../proxy/grpc-proxy.ts";
import type { Watch } from "../proxy/moment.ts";
import { natsProtocol } from "../proxy/nats-protocol.ts";
import { postgresProtocol } from "../proxy/postgres-protocol.ts";
import { type Protocol, startTcpProxy, type TcpProxy } from "../proxy/tcp-proxy.ts";

export type Proxied = AsyncDisposable & {
  readonly environment: NonNullable<MeshOptions["environment"]>;
  /** Of each process, by its name. */
  readonly postgres: ReadonlyMap<string, TcpProxy>;
};

const looked: ReadonlySet<string> = new Set(["orchestrator", "agent-runner"]);
/** Passes bytes on as they come. */
const opaque: Protocol = () => ({ fromClient: (bytes) => [{ bytes }], fromServer: (bytes) => [{ bytes }] });

export function startProxies(watch: Watch): Proxied {
  const stack = new AsyncDisposableStack();
  const postgres = new Map<string, TcpProxy>();

  async function standBefore(url: string, protocol: Protocol): Promise<{ url: string; proxy: TcpProxy }> {
    const through = new URL(url);
    const proxy = stack.use(await startTcpProxy({ targetPort: Number(through.port), protocol, watch }));
    through.port = String(proxy.port);
    return { url: through.href, proxy };
  }

  async function standBeforeEach(process: string, addresses: string): Promise<string> {
    const ports = addresses.split(",").map((address) => Number(address.split(":").at(-1)));
    const proxies = await Promise.all(ports.map((targetPort) => startGrpcProxy({ process, targetPort, watch })));
    return proxies.map((proxy) => `127.0.0.1:${stack.use(proxy).port}`).join(",");
  }

  return {
    postgres,
    async environment({ name, service }, env) {
      const isLooked = looked.has(service);
      const database = await standBefore(env.POSTGRES_URL ?? "", isLooked ? postgresProtocol(name) : opaque);
      postgres.set(name, database.proxy);
      if (!isLooked) return { ...env, POSTGRES_URL: database.url };
      const nats = await standBefore(env.NATS_URL ?? "", natsProtocol(name));
      const orchestrators = env.ORCHESTRATOR_ADDRESS ?? "";
      return {
        ...env,
        POSTGRES_URL: database.url,
        NATS_URL: nats.url,
        ORCHESTRATOR_ADDRESS: service === "agent-runner" ? await standBeforeEach(name, orchestrators) : orchestrators,
      };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
