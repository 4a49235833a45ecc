import { AppError } from "@agentmesh/errors";
import type { IdentityProviderSpec, OidcSpec } from "./identity-provider-spec.ts";
import { checkUsername } from "./usernames.ts";

/** Somebody as a provider knows them. */
export type ExternalIdentity = {
  readonly issuer: string;
  /** What the issuer never gives to another. */
  readonly externalId: string;
  readonly username: string;
  readonly displayName: string;
  readonly email: string;
  readonly department: string;
  readonly roles: readonly string[];
  /** How they signed in, and when they proved who they are if the provider's word is taken for it. */
  readonly amr: readonly string[];
  readonly authenticatedAtMs: number | undefined;
};

type Claims = Readonly<Record<string, unknown>>;

const MAX_TEXT = 200;
const MAX_GROUPS = 2_000;

/** @throws AppError UNAUTHENTICATED (PROVIDER_CLAIMS) when the claims do not name a user */
export function fromClaims(spec: OidcSpec, claims: Claims, nowMs: number): ExternalIdentity {
  const { sub } = claims;
  if (typeof sub !== "string" || sub === "" || sub !== plainText(sub)) throw badClaims("sub is missing");
  const names = spec.claims;
  const secondFactor = textsAt(claims, "amr").some((method) => spec.secondFactorAmr.includes(method));
  const authTimeS = claims.auth_time;
  // Without its time a second factor may be of last year.
  const provenAtMs = secondFactor && typeof authTimeS === "number" ? Math.min(authTimeS * 1000, nowMs) : undefined;
  return {
    issuer: spec.issuer,
    externalId: sub,
    username: usernameOf(textAt(claims, names.username)),
    displayName: textAt(claims, names.displayName),
    email: claims.email_verified === false ? "" : textAt(claims, names.email),
    department: names.department ? textAt(claims, names.department) : "",
    roles: rolesOf(spec, textsAt(claims, names.groups)),
    amr: provenAtMs === undefined ? ["fed"] : ["fed", "mfa"],
    authenticatedAtMs: provenAtMs,
  };
}

/** What a provider calls somebody, as a user name of ours. @throws AppError UNAUTHENTICATED (PROVIDER_CLAIMS) */
export function usernameOf(text: string): string {
  try {
    return checkUsername(text, false);
  } catch (cause) {
    throw badClaims(`${JSON.stringify(text.slice(0, 80))} is no user name`, cause);
  }
}

/** The roles of members of these groups, and of everybody. Names of groups are compared to the letter. */
export function rolesOf(
  spec: Pick<IdentityProviderSpec, "groups" | "defaultRoles">,
  groups: readonly string[],
): string[] {
  const member = new Set(groups.slice(0, MAX_GROUPS));
  const granted = spec.groups.filter(({ group }) => member.has(group)).flatMap(({ roles }) => roles);
  return [...new Set([...spec.defaultRoles, ...granted])].sort();
}

/** Without control characters, which no name needs and no database takes. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

function textAt(claims: Claims, name: string): string {
  const value = valueAt(claims, name);
  return typeof value === "string" ? plainText(value).slice(0, MAX_TEXT) : "";
}

function textsAt(claims: Claims, name: string): string[] {
  const value = valueAt(claims, name);
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** A claim of that very name comes first: some are addresses, which hold dots. */
function valueAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function badClaims(why: string, cause?: unknown): AppError {
  return new AppError("UNAUTHENTICATED", `the identity provider did not say who signed in: ${why}; ask an admin`, {
    reason: "PROVIDER_CLAIMS",
    cause,
  });
}
