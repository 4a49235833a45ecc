// Renders the configuration of nats-server: one account for the mesh, with a user per service, and beside it, from a file
// of its own, one account per external publisher. Accounts do not see each other's subjects.
import { catalogServices } from "@agentmesh/proto/catalog";
import { meshAccount, publishersConf, quote, renderPermissions } from "@agentmesh/publishers";
import { permissionsOf } from "./permissions.ts";

/** The user of the mesh's account who may do anything: provisioning, operations, tests. */
export const administrator = "admin";

const maxPayloadBytes = 1024 * 1024;
/** What streams may reserve. Named, because the default depends on how full the disk is. */
const maxStoreBytes = 10 * 1024 ** 3;
const maxMemoryBytes = 256 * 1024 ** 2;

export type NatsConfig = {
  readonly host: string;
  readonly port: number;
  readonly storeDir: string;
  /** Serves /healthz, /varz and /jsz; default none. */
  readonly monitorPort?: number;
  /** By user: `admin` and each service. */
  readonly passwords: Readonly<Record<string, string>>;
};

/** Every user of the mesh's account: each needs a password. */
export function natsUsers(): string[] {
  return [administrator, ...catalogServices.map((entry) => entry.service)];
}

/** The text of nats-server.conf, which includes publishers.conf from its own folder; throws when a user has no password. */
export function renderNatsConfig(config: NatsConfig): string {
  const lines = [
    `host: ${quote(config.host)}`,
    `port: ${config.port}`,
    ...(config.monitorPort === undefined ? [] : [`http: ${quote(`${config.host}:${config.monitorPort}`)}`]),
    'server_name: "agentmesh"',
    `max_payload: ${maxPayloadBytes}`,
    `jetstream { store_dir: ${quote(config.storeDir)}, max_file_store: ${maxStoreBytes}, max_memory_store: ${maxMemoryBytes} }`,
    "accounts {",
    ...renderMeshAccount((user) => {
      const password = config.passwords[user];
      if (password === undefined) throw new Error(`the NATS user ${user} has no password`);
      return quote(password);
    }).map((line) => `  ${line}`),
    `  include ${quote(publishersConf)}`,
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * The mesh's account. What publishers publish comes in through its one export; which part of it an account may use is
 * said where that account imports it.
 *
 * @param passwordOf the value that stands for a user's password: a quoted text, or a variable of the server's environment
 */
export function renderMeshAccount(passwordOf: (user: string) => string): string[] {
  const users = natsUsers().map((user) => {
    const may = user === administrator ? "" : `, permissions: ${renderPermissions(permissionsOf(user))}`;
    return `    { user: ${quote(user)}, password: ${passwordOf(user)}${may} }`;
  });
  return [
    `${meshAccount} {`,
    "  jetstream: enabled",
    "  users: [",
    ...users,
    "  ]",
    '  exports: [ { service: "evt.*.*.>" } ]',
    "}",
  ];
}
