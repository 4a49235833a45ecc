// What becomes of the list of publishers. At most two credentials a publisher: one that is used, and one that takes over.
import { AppError } from "@agentmesh/errors";
import { accountOf, checkNames, credentialCount, type Publisher, type PublisherKey } from "./publisher.ts";

const maxCredentials = 2;

export type Publishers = readonly Publisher[];
export type PublisherName = Pick<Publisher, "tenant" | "publisher">;

/**
 * A new publisher with its first key; or a new key for one that has none left, with new limits.
 *
 * @throws AppError INVALID_ARGUMENT, or CONFLICT when it has a credential
 */
export function issue(publishers: Publishers, wanted: PublisherName & { types: readonly string[] }, key: PublisherKey) {
  checkNames(wanted);
  const before = publishers.find((entry) => accountOf(entry) === accountOf(wanted));
  if (before && credentialCount(before) > 0) {
    const has = before.keys.length > 0 ? "a key" : "a password";
    throw new AppError("CONFLICT", `${accountOf(wanted)} has ${has}; rotate gives it another beside that`, {
      reason: "ALREADY_ISSUED",
    });
  }
  const { tenant, publisher, types } = wanted;
  const entry: Publisher = { tenant, publisher, types: [...types], keys: [key] };
  return before ? replace(publishers, entry) : [...publishers, entry];
}

/**
 * A second key beside the credential that is in use; both are good until one is revoked.
 *
 * @throws AppError NOT_FOUND, or FAILED_PRECONDITION when there is none to follow or there are two
 */
export function rotate(publishers: Publishers, name: PublisherName, key: PublisherKey) {
  const entry = find(publishers, name);
  const count = credentialCount(entry);
  if (count === 0) throw refused("NO_KEY", `${accountOf(entry)} has no key to follow; issue gives it one`);
  if (count >= maxCredentials) {
    throw refused("ROTATION_UNDER_WAY", `${accountOf(entry)} has two keys; revoke --old ends the older one first`);
  }
  return replace(publishers, { ...entry, keys: [...entry.keys, key] });
}

/** Other limits from now on. @throws AppError NOT_FOUND or INVALID_ARGUMENT */
export function limit(publishers: Publishers, name: PublisherName, types: readonly string[]) {
  const entry = { ...find(publishers, name), types: [...types] };
  checkNames(entry);
  return replace(publishers, entry);
}

/** Which credentials go: all, all but the newest key, or one named by its key (or its beginning) or as `password`. */
export type Which = "all" | "old" | { readonly key: string };

/**
 * The publisher without those credentials; its name and limits stay.
 *
 * @returns what was revoked beside the list: public keys, and `password`
 * @throws AppError NOT_FOUND
 */
export function revoke(publishers: Publishers, name: PublisherName, which: Which) {
  const { password, ...entry } = find(publishers, name);
  const goes = chooser(entry, password, which);
  const gone = [
    ...(password !== undefined && goes("password") ? ["password"] : []),
    ...entry.keys.map(({ key }) => key).filter(goes),
  ];
  if (gone.length === 0) {
    throw new AppError("NOT_FOUND", `${accountOf(entry)} has ${nothing(which)} to revoke`, { reason: "NO_SUCH_KEY" });
  }
  const left: Publisher = {
    ...entry,
    keys: entry.keys.filter(({ key }) => !goes(key)),
    ...(password !== undefined && !goes("password") && { password }),
  };
  return { publishers: replace(publishers, left), gone };
}

/**
 * What a server that runs is told one after the other, so that the last holds in full. nats-server (2.9.10) makes the imports
 * of an account work that it knew before a reload, and not those of one that came with it: a new publisher's account comes
 * first, and its key with the next reload.
 */
export function stepsTo(before: Publishers, after: Publishers): Publishers[] {
  const known = new Set(before.map(accountOf));
  const isNew = (entry: Publisher) => !known.has(accountOf(entry));
  if (!after.some(isNew)) return [after];
  const withoutKeys = ({ tenant, publisher, types }: Publisher) => ({ tenant, publisher, types, keys: [] });
  return [after.map((entry) => (isNew(entry) ? withoutKeys(entry) : entry)), after];
}

function chooser({ keys }: Pick<Publisher, "keys">, password: string | undefined, which: Which) {
  if (which === "all") return () => true;
  if (which === "old") {
    const newest = keys.at(-1)?.key ?? "password";
    return (credential: string) => credential !== newest;
  }
  const wanted = which.key;
  const fits = keys.filter(({ key }) => key.startsWith(wanted));
  if (fits.length > 1) {
    throw new AppError("INVALID_ARGUMENT", `two keys begin with ${wanted}; give more of the one that is meant`);
  }
  const only = fits[0]?.key ?? (password !== undefined && wanted === "password" ? "password" : undefined);
  return (credential: string) => credential === only;
}

function nothing(which: Which): string {
  if (which === "all") return "nothing";
  return which === "old" ? "nothing older than its newest key" : `no key ${which.key}`;
}

function find(publishers: Publishers, name: PublisherName): Publisher {
  const entry = publishers.find((candidate) => accountOf(candidate) === accountOf(name));
  if (entry) return entry;
  const known = publishers.map(accountOf).join(", ") || "none";
  throw new AppError("NOT_FOUND", `there is no publisher ${accountOf(name)}; there are: ${known}`, {
    reason: "NO_SUCH_PUBLISHER",
  });
}

function replace(publishers: Publishers, entry: Publisher): Publisher[] {
  return publishers.map((before) => (accountOf(before) === accountOf(entry) ? entry : before));
}

function refused(reason: string, message: string): AppError {
  return new AppError("FAILED_PRECONDITION", message, { reason });
}
