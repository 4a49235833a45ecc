import { randomUUID } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { AppError } from "@agentmesh/errors";
import type { Client, Entry } from "ldapts";
import { type ExternalIdentity, plainText, rolesOf } from "../domain/external-identity.ts";
import type { LdapSpec } from "../domain/identity-provider-spec.ts";
import { fillFilter } from "../domain/ldap-filter.ts";
import type { Reach } from "./private-networks.ts";

export type Ldap = {
  /**
   * Who it is, or undefined: no such user, or not that password.
   *
   * @throws AppError FAILED_PRECONDITION (AMBIGUOUS_USER, BAD_DIRECTORY_ENTRY), or what the directory failed with
   */
  authenticate(
    spec: LdapSpec,
    secret: string,
    username: string,
    password: string,
  ): Promise<ExternalIdentity | undefined>;
};

const TIMEOUT_MS = 4_000;
const MAX_GROUPS = 1_000;
const MAX_VALUE = 200;
const PORTS: Readonly<Record<string, number>> = { "ldap:": 389, "ldaps:": 636 };

/**
 * Signs in at a directory: search as the service, then bind as who was found. Nothing is sent before TLS, referrals
 * are not followed, and what is not exactly one user is none.
 */
export function createLdap(reach: Reach): Ldap {
  return {
    async authenticate(spec, secret, username, password) {
      // A bind without a password succeeds at most directories, for anybody (RFC 4513, 5.1.2).
      if (password === "" || password.includes("\0") || username.includes("\0")) return undefined;
      const client = await openClient(spec, reach);
      try {
        await client.bind(spec.bindDn, secret);
        const entry = await findUser(client, spec, username);
        const groups = entry ? await groupsOf(client, spec, entry.dn) : [];
        // Names that do not exist cost a bind too.
        const dn = entry?.dn ?? `cn=${randomUUID()},${spec.userBase}`;
        const right = await bindsAs(client, dn, password);
        return entry && right ? identityOf(spec, entry, username, groups) : undefined;
      } finally {
        await client.unbind().catch(() => undefined);
      }
    },
  };
}

async function openClient(spec: LdapSpec, reach: Reach): Promise<Client> {
  const { Client } = await import("ldapts");
  const url = new URL(spec.url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  reach.assertAllowed(host);
  const tls = {
    host,
    minVersion: "TLSv1.2" as const,
    lookup: reach.lookup,
    ...(isIP(host) === 0 && { servername: host }),
    ...(spec.caPem !== undefined && { ca: spec.caPem }),
  };
  let connected = false;
  // The library connects anew when a connection was lost, and that one would have no TLS yet.
  function connectOnce(): Socket {
    if (connected) throw new Error("the connection to the directory was lost");
    connected = true;
    return connect({ host, port: Number(url.port) || (PORTS[url.protocol] ?? 0), lookup: reach.lookup });
  }
  const client = new Client({
    url: spec.url,
    timeout: TIMEOUT_MS,
    connectTimeout: TIMEOUT_MS,
    // Where they are given, the library begins with TLS whatever the address says.
    ...(url.protocol === "ldaps:" && { tlsOptions: tls }),
    createConnection: connectOnce,
  });
  if (url.protocol === "ldap:") await client.startTLS(tls);
  return client;
}

async function findUser(client: Client, spec: LdapSpec, username: string): Promise<Entry | undefined> {
  const { id, displayName, email, department } = spec.attributes;
  const { searchEntries } = await client
    .search(spec.userBase, {
      scope: "sub",
      derefAliases: "never",
      filter: fillFilter(spec.userFilter, "username", username),
      attributes: [id, displayName, email, department],
      sizeLimit: 2,
    })
    .catch((cause: unknown) => {
      throw isNamed(cause, "SizeLimitExceededError") ? ambiguous(username, cause) : cause;
    });
  if (searchEntries.length > 1) throw ambiguous(username);
  const [entry] = searchEntries;
  return entry?.dn ? entry : undefined;
}

async function groupsOf(client: Client, spec: LdapSpec, dn: string): Promise<string[]> {
  if (spec.groupBase === undefined) return [];
  const { searchEntries } = await client.search(spec.groupBase, {
    scope: "sub",
    derefAliases: "never",
    filter: fillFilter(spec.groupFilter, "dn", dn),
    attributes: [spec.groupName],
    sizeLimit: MAX_GROUPS,
  });
  return searchEntries.flatMap((entry) => textsOf(entry, spec.groupName));
}

async function bindsAs(client: Client, dn: string, password: string): Promise<boolean> {
  try {
    await client.bind(dn, password);
    return true;
  } catch (error) {
    if (isNamed(error, "InvalidCredentialsError")) return false;
    throw error;
  }
}

function identityOf(spec: LdapSpec, entry: Entry, username: string, groups: readonly string[]): ExternalIdentity {
  const { id, displayName, email, department } = spec.attributes;
  const [externalId] = textsOf(entry, id);
  if (!externalId || externalId !== plainText(externalId)) {
    throw new AppError("FAILED_PRECONDITION", `${entry.dn} has no ${id}, which says who is who; set attributes.id`, {
      reason: "BAD_DIRECTORY_ENTRY",
    });
  }
  const text = (name: string) => plainText(textsOf(entry, name)[0] ?? "").slice(0, MAX_VALUE);
  return {
    issuer: spec.url,
    externalId,
    username,
    displayName: text(displayName),
    email: text(email),
    department: text(department),
    roles: rolesOf(spec, groups),
    amr: ["pwd"],
    authenticatedAtMs: undefined,
  };
}

/** Names of attributes have no case, and values may be one or many. */
function textsOf(entry: Entry, attribute: string): string[] {
  const wanted = attribute.toLowerCase();
  const values = Object.entries(entry).find(([name]) => name.toLowerCase() === wanted)?.[1] ?? [];
  return (Array.isArray(values) ? values : [values]).map((value) => value.toString()).filter((value) => value !== "");
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

function ambiguous(username: string, cause?: unknown): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `the directory has more than one user ${username}; make userBase or userFilter of the IdentityProvider narrower`,
    { reason: "AMBIGUOUS_USER", cause },
  );
}
