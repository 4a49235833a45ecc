// What each container of docker-compose.yml is given in a volume of its own: its URLs, its keys, its configuration.
import { readFileSync } from "node:fs";
import { firstAdministrator, firstTenant } from "../local/mesh/start-services.ts";
import { postgresUrls } from "../local/provision/provision.ts";
import type { Secrets } from "../local/provision/secrets.ts";
import { serviceEnvironment } from "../local/provision/service-environment.ts";
import { meshServices } from "../local/services.ts";
import { renderNatsConfig } from "../nats/accounts.ts";

/** Where a container finds its share. */
export const shareDir = "/run/agentmesh";

/** By container: file name → text. */
export type Shares = Readonly<Record<string, Readonly<Record<string, string>>>>;

export function postgresAdminUrl(secrets: Secrets): string {
  return `postgres://postgres:${secrets.postgresPassword}@postgres:5432/postgres`;
}

/** The shares of all servers and services; pure but for the key files the secrets name. */
export function sharesOf(secrets: Secrets): Shares {
  const urls = postgresUrls(postgresAdminUrl(secrets), "agentmesh", secrets);
  const services = meshServices.map((service) => [service, serviceShare(service, urls[service] ?? "", secrets)]);
  const { natsPasswords: passwords } = secrets;
  return {
    postgres: { password: secrets.postgresPassword },
    redis: { "redis.conf": redisConfig(secrets.redisPassword), password: secrets.redisPassword },
    nats: {
      "nats-server.conf": renderNatsConfig({
        host: "0.0.0.0",
        port: 4222,
        monitorPort: 8222,
        storeDir: "/jetstream",
        passwords,
      }),
    },
    ...Object.fromEntries(services),
  };
}

function serviceShare(service: string, postgresUrl: string, secrets: Secrets): Record<string, string> {
  const environment = serviceEnvironment({
    service,
    secrets,
    postgresUrl,
    natsUrl: `nats://${service}:${secrets.natsPasswords[service] ?? ""}@nats:4222`,
    redisUrl: `redis://:${secrets.redisPassword}@redis:6379`,
    tenant: firstTenant,
    adminUsername: firstAdministrator,
    addresses: Object.fromEntries(meshServices.map((name) => [name, `${name}:7000`])),
  });
  const placed = {
    ...environment,
    WORKLOAD_KEY_FILE: `${shareDir}/workload.key.json`,
    WORKLOAD_TRUST_FILE: `${shareDir}/trust.json`,
    MASTER_KEY_FILE: `${shareDir}/master.key`,
    ...(service === "orchestrator" && { WEBHOOK_SECRETS_DIR: `${shareDir}/webhooks` }),
  };
  const lines = Object.entries(placed).map(([name, value]) => `${name}=${value}\n`);
  return {
    "service.env": lines.join(""),
    "workload.key.json": readFileSync(secrets.workloadKeyFile(service), "utf8"),
    "trust.json": readFileSync(secrets.workloadTrustFile, "utf8"),
    "master.key": readFileSync(secrets.masterKeyFile, "utf8"),
  };
}

/** Nothing on disk, a bound on memory, eviction of what has a time to live. */
function redisConfig(password: string): string {
  const settings = [
    "bind 0.0.0.0",
    "port 6379",
    'save ""',
    "appendonly no",
    "maxmemory 256mb",
    "maxmemory-policy volatile-lru",
    `requirepass ${password}`,
  ];
  return `${settings.join("\n")}\n`;
}
