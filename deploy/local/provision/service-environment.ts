import { meshServices } from "../services.ts";
import type { Secrets } from "./secrets.ts";

export type ServiceEnvironment = {
  readonly service: string;
  readonly secrets: Secrets;
  readonly postgresUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly tenant: string;
  readonly adminUsername: string;
  /** By service, `host:port[,host:port]`. */
  readonly addresses: Readonly<Record<string, string>>;
};

/** The variables every service is configured by, wherever it runs. Ports and the listen host are the caller's. */
export function serviceEnvironment(options: ServiceEnvironment): Record<string, string> {
  const { service, secrets } = options;
  return {
    POSTGRES_URL: options.postgresUrl,
    NATS_URL: options.natsUrl,
    REDIS_URL: options.redisUrl,
    WORKLOAD_KEY_FILE: secrets.workloadKeyFile(service),
    WORKLOAD_TRUST_FILE: secrets.workloadTrustFile,
    MASTER_KEY_FILE: secrets.masterKeyFile,
    ...Object.fromEntries(meshServices.map((name) => [addressVariable(name), options.addresses[name] ?? ""])),
    ...(service === "orchestrator" && { WEBHOOK_SECRETS_DIR: secrets.webhooksDir }),
    ...(service === "auth" && {
      BOOTSTRAP_TENANT: options.tenant,
      BOOTSTRAP_ADMIN_USERNAME: options.adminUsername,
      BOOTSTRAP_ADMIN_PASSWORD: secrets.adminPassword,
    }),
  };
}

/** `agent-runner` → `AGENT_RUNNER_ADDRESS`. */
export function addressVariable(service: string): string {
  return `${service.replaceAll("-", "_").toUpperCase()}_ADDRESS`;
}
