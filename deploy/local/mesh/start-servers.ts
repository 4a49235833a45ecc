// PostgreSQL, NATS and Redis of one mesh: found, started side by side, and answering.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { renderNatsConfig } from "@agentmesh/nats";
import { accountOf, type Publisher, publishersFileOf } from "@agentmesh/publishers";
import { awaitReady } from "../processes/await-ready.ts";
import type { PortBlock } from "../processes/ports.ts";
import { writeAtomically } from "../processes/run-file.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import { openPublishers } from "../provision/publishers.ts";
import type { Secrets } from "../provision/secrets.ts";
import { type FoundServer, findServers, type ServerName } from "../servers/find-server.ts";
import { natsUrl, planNats, probeNats } from "../servers/nats.ts";
import { planPostgres, probePostgres } from "../servers/postgres.ts";
import { planRedis, probeRedis } from "../servers/redis.ts";
import type { ServerPlan } from "../servers/server.ts";

export type MeshServers = {
  readonly postgresAdminUrl: string;
  readonly redisUrl: string;
  /** As the administrator. */
  readonly natsUrl: string;
  /** As a service. */
  natsUrlOf(user: string): string;
  /** As the first publisher that still signs in with a password; empty when none does. */
  readonly publisherUrl: string;
};

export type StartServers = {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secrets: Secrets;
  readonly ports: PortBlock;
  readonly supervisor: Supervisor;
  readonly log: (line: string) => void;
};

const readyWithinMs = 60_000;
const titles: Record<ServerName, string> = { postgres: "PostgreSQL", nats: "NATS", redis: "Redis" };

export async function startServers(options: StartServers): Promise<MeshServers> {
  const { env, secrets } = options;
  const found = await findServers({
    names: ["postgres", "nats", "redis"],
    urls: { postgres: env.POSTGRES_ADMIN_URL, nats: env.NATS_URL, redis: env.REDIS_URL },
    log: options.log,
  });
  const port: Record<ServerName, number> = { postgres: 0, nats: 0, redis: 0 };
  for (const name of ["postgres", "nats", "redis"] as const) {
    if (found[name].from !== "url") port[name] = await options.ports.take(name);
  }
  const publishers = openPublishers(publishersFileOf(options.root), secrets);
  const [postgresAdminUrl, redisUrl, adminNatsUrl] = await Promise.all([
    startOne("postgres", found.postgres, options, (server) =>
      planPostgres({
        ...place("postgres", options),
        server,
        port: port.postgres,
        password: secrets.postgresPassword,
        log: options.log,
      }),
    ),
    startOne("redis", found.redis, options, (server) =>
      planRedis({ ...place("redis", options), server, port: port.redis, password: secrets.redisPassword }),
    ),
    startOne("nats", found.nats, options, (server) => planMeshNats(server, port.nats, options)),
  ]);
  const isOurs = found.nats.from !== "url";
  if (!isOurs) explainForeignNats(options);
  return {
    postgresAdminUrl,
    redisUrl,
    natsUrl: adminNatsUrl,
    natsUrlOf: (user) => (isOurs ? natsUrl(user, secrets.natsPasswords[user] ?? "", port.nats) : adminNatsUrl),
    publisherUrl: isOurs ? publisherUrl(publishers, port.nats) : (env.NATS_PUBLISHER_URL ?? ""),
  };
}

function publisherUrl(publishers: readonly Publisher[], port: number): string {
  const entry = publishers.find(({ password }) => password !== undefined);
  return entry === undefined ? "" : natsUrl(accountOf(entry), entry.password ?? "", port);
}

/** Names of containers and volumes, so that two checkouts on one Docker engine stay apart. */
export function containerOf(name: string, root: string): string {
  return `agentmesh-${createHash("sha256").update(root).digest("hex").slice(0, 8)}-${name}`;
}

function place(name: ServerName, options: StartServers): { dir: string; container: string } {
  return { dir: join(options.root, name), container: containerOf(name, options.root) };
}

function planMeshNats(server: Exclude<FoundServer, { from: "url" }>, port: number, options: StartServers): ServerPlan {
  const { natsPasswords: passwords } = options.secrets;
  return planNats({
    ...place("nats", options),
    server,
    port,
    user: { name: "admin", password: passwords.admin ?? "" },
    renderConfig: (where) => renderNatsConfig({ ...where, passwords }),
  });
}

async function startOne(
  name: ServerName,
  server: FoundServer,
  options: StartServers,
  plan: (server: Exclude<FoundServer, { from: "url" }>) => ServerPlan,
): Promise<string> {
  const began = performance.now();
  const url = await (server.from === "url" ? useGiven(name, server.url, options.log) : startOurs(plan(server)));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const source = server.from === "binary" ? server.path : server.from === "docker" ? "Docker" : "from the environment";
  options.log(`${titles[name].padEnd(12)} ${new URL(url).host.padEnd(18)} ready in ${seconds} s  (${source})`);
  return url;

  async function startOurs(ours: ServerPlan): Promise<string> {
    await options.supervisor.start(
      { ...ours, kind: "server", what: `${titles[name]} on port ${ours.port}` },
      readyWithinMs,
    );
    return ours.url;
  }
}

/** A server that somebody else runs may still be coming up. */
async function useGiven(name: ServerName, url: string, log: (line: string) => void): Promise<string> {
  const probes = { postgres: probePostgres, nats: probeNats, redis: probeRedis };
  const what = `${titles[name]} at ${new URL(url).host} (from the environment)`;
  await awaitReady({ what, timeoutMs: readyWithinMs, probe: () => probes[name](url), onSlow: log });
  return url;
}

function explainForeignNats(options: StartServers): void {
  const file = join(options.root, "nats", "accounts.conf");
  const { natsPasswords: passwords } = options.secrets;
  const config = renderNatsConfig({ host: "0.0.0.0", port: 4222, storeDir: "/data", passwords });
  writeAtomically(file, config);
  options.log(
    `NATS_URL is used as it is: accounts and permissions are what that server has; ours are in ${file} and publishers.conf beside it`,
  );
}
