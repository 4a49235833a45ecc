import { z } from "zod";

const claim = z.string().min(1).max(200);
const roleName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be the name of a role");

const shared = {
  displayName: z.string().max(200).default(""),
  /** Roles of everybody who signs in here. Default none, which allows nothing. */
  defaultRoles: z.array(roleName).max(50).default([]),
  /** Roles of the members of a group. */
  groups: z
    .array(z.strictObject({ group: z.string().min(1).max(300), roles: z.array(roleName).min(1).max(50) }))
    .max(500)
    .default([]),
};

const oidc = z.strictObject({
  ...shared,
  type: z.literal("oidc"),
  /** As the provider's discovery document says it, to the letter. */
  issuer: z.url({ protocol: /^https?$/ }).max(500),
  clientId: z.string().min(1).max(300),
  /** Where browsers may be sent back to. One on `http://127.0.0.1` counts for any port (RFC 8252). */
  redirectUris: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(20),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(20)
    .default(["openid", "profile", "email"]),
  /** How ID tokens are signed. */
  signingAlgorithm: z.enum(["RS256", "PS256", "ES256", "EdDSA"]).default("RS256"),
  /** Which claims hold what; a dot leads into an object. */
  claims: z
    .strictObject({
      username: claim.default("preferred_username"),
      displayName: claim.default("name"),
      email: claim.default("email"),
      department: claim.optional(),
      groups: claim.default("groups"),
    })
    .prefault({}),
  /** Values of the provider's `amr` that stand for a second factor. Default none: its word is not taken. */
  secondFactorAmr: z.array(z.string().min(1).max(50)).max(20).default([]),
});

const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/, "must be the name of an attribute");

const ldap = z.strictObject({
  ...shared,
  type: z.literal("ldap"),
  /** `ldaps://host`, or `ldap://host`, which is upgraded by StartTLS before anything is sent. */
  url: z.url({ protocol: /^ldaps?$/ }).max(500),
  /** Certificates of authorities that the directory's is checked against, in PEM. Default those of the system. */
  caPem: z.string().max(100_000).optional(),
  /** Who searches for users. Its password is the provider's secret. */
  bindDn: z.string().min(1).max(500),
  userBase: z.string().min(1).max(500),
  /** `{username}` becomes the name, escaped. */
  userFilter: z.string().max(500).includes("{username}").default("(uid={username})"),
  attributes: z
    .strictObject({
      /** What never changes about a user and is never given to another. */
      id: attribute.default("entryUUID"),
      displayName: attribute.default("cn"),
      email: attribute.default("mail"),
      department: attribute.default("departmentNumber"),
    })
    .prefault({}),
  /** Where groups are. Default: none are read. */
  groupBase: z.string().min(1).max(500).optional(),
  /** `{dn}` becomes the user's name in the directory, escaped. */
  groupFilter: z.string().max(500).includes("{dn}").default("(member={dn})"),
  groupName: attribute.default("cn"),
});

const pem = z
  .string()
  .max(10_000)
  .regex(/^\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, "must be PEM");

const saml = z.strictObject({
  ...shared,
  type: z.literal("saml"),
  /** Where browsers are sent with the request (HTTP-Redirect). */
  entryPoint: z.url({ protocol: /^https$/ }).max(500),
  /** The provider's entity id: the issuer of its assertions. */
  entityId: z.string().min(1).max(500),
  /** Our entity id: the audience of its assertions. */
  audience: z.string().min(1).max(500),
  /** What it signs with. Two while it changes its key. */
  certificates: z.array(pem).min(1).max(5),
  /** Where it posts its answer (the assertion consumer service). */
  redirectUris: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(20),
  attributes: z
    .strictObject({
      /** What never changes about a user. Default the NameID, unless it is transient. */
      id: claim.optional(),
      /** Default the NameID. */
      username: claim.optional(),
      displayName: claim.default("displayName"),
      email: claim.default("email"),
      department: claim.default("department"),
      groups: claim.default("groups"),
    })
    .prefault({}),
});

/** Where a tenant's people sign in. Secrets are no part of it: they lie in files of the operator. */
export const identityProviderSpecSchema = z.discriminatedUnion("type", [oidc, ldap, saml]);

export type IdentityProviderSpec = z.infer<typeof identityProviderSpecSchema>;
export type OidcSpec = z.infer<typeof oidc>;
export type LdapSpec = z.infer<typeof ldap>;
export type SamlSpec = z.infer<typeof saml>;
