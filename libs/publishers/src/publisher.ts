// Who publishes events from outside the mesh, as it is kept in publishers.yaml: names, limits and public keys. The one
// secret that it may hold is the password of a publisher from before there were keys.
import { AppError } from "@agentmesh/errors";
import { parse } from "yaml";

/** A public nkey (`U…`) that signs a publisher in. Its seed is with the publisher and nowhere else. */
export type PublisherKey = { readonly key: string; readonly issued: string };

/** An account outside the mesh that may publish events, and nothing else. */
export type Publisher = {
  readonly tenant: string;
  readonly publisher: string;
  /** `ticket.opened`, or `ticket.>` for all that begin with it. Empty: every type. */
  readonly types: readonly string[];
  /** At most two with the password counted in; none: it cannot sign in. */
  readonly keys: readonly PublisherKey[];
  readonly password?: string;
};

const token = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const eventTypes = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*(\.>)?$/;
const publicKey = /^U[A-Z2-7]{55}$/;
const plainPassword = /^[A-Za-z0-9_-]{8,128}$/;
const maxTypeLength = 100;

/** The name of a publisher's account, and of its user where it has a password. */
export function accountOf(publisher: Pick<Publisher, "tenant" | "publisher">): string {
  return `${publisher.tenant}.${publisher.publisher}`;
}

/** How many ways there are to sign in as this publisher. */
export function credentialCount(publisher: Publisher): number {
  return publisher.keys.length + (publisher.password === undefined ? 0 : 1);
}

/**
 * Reads publishers.yaml.
 *
 * @param where the file, for messages
 * @throws AppError FAILED_PRECONDITION (BAD_PUBLISHERS) naming the place: what is not exactly as expected could mean
 *   something else in the server's configuration
 */
export function parsePublishers(text: string, where: string): Publisher[] {
  const document: unknown = parse(text);
  const list = isRecord(document) ? document.publishers : undefined;
  if (!Array.isArray(list)) throw bad(where, document, 'a list under "publishers"');
  const publishers = list.map((entry: unknown, index) => readEntry(entry, `${where}: publishers[${index}]`));
  unique(publishers.map(accountOf), where);
  unique(
    publishers.flatMap((entry) => entry.keys.map(({ key }) => key)),
    where,
  );
  return publishers;
}

/** @throws AppError INVALID_ARGUMENT: names become tokens of subjects and types subjects */
export function checkNames(publisher: Pick<Publisher, "tenant" | "publisher" | "types">): void {
  const { tenant, publisher: name, types } = publisher;
  for (const [field, value] of Object.entries({ tenant, publisher: name })) {
    if (!token.test(value)) throw invalid(field, value, "lower-case letters, digits, - and _, at most 63");
  }
  for (const type of types) {
    if (!isTypes(type)) throw invalid("type", type, "a type such as ticket.opened, or ticket.> for all under ticket");
  }
}

function readEntry(entry: unknown, where: string): Publisher {
  const given = isRecord(entry) ? entry : {};
  const { tenant, publisher, types = [], keys = [], password, ...rest } = given;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw bad(`${where}.${unknown}`, rest[unknown], "no such field");
  return {
    tenant: text(tenant, (value) => token.test(value), `${where}.tenant`, tokenText),
    publisher: text(publisher, (value) => token.test(value), `${where}.publisher`, tokenText),
    types: listOf(types, `${where}.types`).map((type, index) =>
      text(type, isTypes, `${where}.types[${index}]`, "a type such as ticket.opened, or ticket.>"),
    ),
    keys: listOf(keys, `${where}.keys`).map((key, index) => readKey(key, `${where}.keys[${index}]`)),
    ...(password !== undefined && {
      password: text(password, (value) => plainPassword.test(value), `${where}.password`, "8 to 128 plain characters"),
    }),
  };
}

const tokenText = "lower-case letters, digits, - and _, at most 63";

function readKey(value: unknown, where: string): PublisherKey {
  const given = isRecord(value) ? value : {};
  return {
    key: text(given.key, (key) => publicKey.test(key), `${where}.key`, "a public nkey of a user: U and 55 characters"),
    issued: text(given.issued, (time) => !Number.isNaN(Date.parse(time)), `${where}.issued`, "an RFC 3339 time"),
  };
}

function isTypes(value: string): boolean {
  return value.length <= maxTypeLength && eventTypes.test(value);
}

function text(value: unknown, fits: (value: string) => boolean, where: string, expected: string): string {
  if (typeof value === "string" && fits(value)) return value;
  throw bad(where, value, expected);
}

function listOf(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(where, value, "a list");
}

function unique(names: readonly string[], where: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw bad(where, twice, "each publisher and each key once");
}

function bad(where: string, value: unknown, expected: string): AppError {
  const message = `${where} is ${JSON.stringify(value)?.slice(0, 80) ?? "nothing"}: expected ${expected}`;
  return new AppError("FAILED_PRECONDITION", message, { reason: "BAD_PUBLISHERS" });
}

function invalid(field: string, value: string, expected: string): AppError {
  return new AppError("INVALID_ARGUMENT", `the ${field} ${JSON.stringify(value)}: expected ${expected}`, {
    reason: "BAD_PUBLISHER",
    field,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
