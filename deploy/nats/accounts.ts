// Renders the configuration of nats-server: one account for the mesh, with a user per service, and one account per
// external publisher. Accounts do not see each other's subjects. A publisher's account imports the mesh's
// `evt.<tenant>.<publisher>.>` as a service under the name `evt.>`: whatever it publishes on `evt.ticket.opened.7` arrives as
// `evt.acme.helpdesk.ticket.opened.7`, and JetStream's acknowledgement finds its way back as the service's reply.
import { catalogServices } from "@agentmesh/proto/catalog";
import { type Permissions, permissionsOf } from "./permissions.ts";
import { accountOf, type Publisher } from "./publishers.ts";

/** The account in which the services live. */
export const meshAccount = "MESH";
/** The user of that account who may do anything: provisioning, operations, tests. */
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
  /** By user: `admin`, each service, and each publisher as `<tenant>.<publisher>`. */
  readonly passwords: Readonly<Record<string, string>>;
  readonly publishers: readonly Publisher[];
};

/** Every user that needs a password. */
export function natsUsers(publishers: readonly Publisher[]): string[] {
  return [administrator, ...catalogServices.map((entry) => entry.service), ...publishers.map(accountOf)];
}

/** The text of nats-server.conf; throws when a user has no password. */
export function renderNatsConfig(config: NatsConfig): string {
  const services = catalogServices.map((entry) => renderUser(entry.service, config, permissionsOf(entry.service)));
  const lines = [
    `host: ${quote(config.host)}`,
    `port: ${config.port}`,
    ...(config.monitorPort === undefined ? [] : [`http: ${quote(`${config.host}:${config.monitorPort}`)}`]),
    'server_name: "agentmesh"',
    `max_payload: ${maxPayloadBytes}`,
    `jetstream { store_dir: ${quote(config.storeDir)}, max_file_store: ${maxStoreBytes}, max_memory_store: ${maxMemoryBytes} }`,
    "accounts {",
    `  ${meshAccount} {`,
    "    jetstream: enabled",
    "    users: [",
    `      ${renderUser(administrator, config)}`,
    ...services.map((user) => `      ${user}`),
    "    ]",
    "    exports: [",
    ...config.publishers.map(
      (entry) => `      { service: ${quote(stamped(entry))}, accounts: [${quote(accountOf(entry))}] }`,
    ),
    "    ]",
    "  }",
    ...config.publishers.flatMap((entry) => renderPublisher(entry, config)),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function renderPublisher(entry: Publisher, config: NatsConfig): string[] {
  const permissions: Permissions = {
    publish: { allow: ["evt.>"], deny: [] },
    subscribe: { allow: ["_INBOX.>"] },
  };
  return [
    `  ${quote(accountOf(entry))} {`,
    `    users: [ ${renderUser(accountOf(entry), config, permissions)} ]`,
    `    imports: [ { service: { account: ${meshAccount}, subject: ${quote(stamped(entry))} }, to: "evt.>" } ]`,
    "  }",
  ];
}

function stamped(entry: Publisher): string {
  return `evt.${entry.tenant}.${entry.publisher}.>`;
}

function renderUser(user: string, config: NatsConfig, permissions?: Permissions): string {
  const password = config.passwords[user];
  if (password === undefined) throw new Error(`the NATS user ${user} has no password`);
  const name = `user: ${quote(user)}, password: ${quote(password)}`;
  if (permissions === undefined) return `{ ${name} }`;
  const { publish, subscribe } = permissions;
  const deny = publish.deny.length > 0 ? `, deny: ${list(publish.deny)}` : "";
  const rules = `publish: { allow: ${list(publish.allow)}${deny} }, subscribe: { allow: ${list(subscribe.allow)} }`;
  return `{ ${name}, permissions: { ${rules} } }`;
}

function list(subjects: readonly string[]): string {
  return `[${subjects.map(quote).join(", ")}]`;
}

/** Quoted, so that `$` and digits stay text. */
function quote(text: string): string {
  if (/["\\\n]/.test(text)) throw new Error(`${JSON.stringify(text)} cannot stand in nats-server.conf`);
  return `"${text}"`;
}
