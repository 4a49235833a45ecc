import { loadConfig } from "@agentmesh/config";
import { databaseSettings, meshSettings } from "@agentmesh/service";
import { z } from "zod";

const seconds = z.int().min(1);
const milliseconds = z.int().min(0);

function listOf(text: string): string[] {
  return text.split(",").filter((entry) => entry !== "");
}

function isOriginOf(rpId: string, origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { hostname, protocol, origin: exact } = new URL(origin);
  const isSafe = protocol === "https:" || (protocol === "http:" && hostname === "localhost");
  return exact === origin && isSafe && (hostname === rpId || hostname.endsWith(`.${rpId}`));
}

export const configSchema = z.strictObject({
  ...meshSettings,
  postgres: databaseSettings,
  /** 32 bytes in base64. */
  masterKeyFile: z.string().min(1),
  bootstrap: z.strictObject({
    /** Its admins may create further tenants. */
    tenant: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be 1 to 63 of a-z, 0-9, - and _"),
    adminUsername: z.coerce.string().min(1),
    // A password of digits only arrives as a number; its rules are checked where it is used, for a failing setting is
    // printed with its value.
    adminPassword: z.coerce.string(),
  }),
  tokens: z.strictObject({
    accessTtlS: seconds.max(3600),
    internalTtlS: seconds.max(300),
    /** A session that is not refreshed for this long ends. */
    refreshTtlS: seconds,
    /** A session ends after this time whatever happens. */
    sessionTtlS: seconds,
    /** How long a spent refresh token still answers with the same successor, for clients that lost the reply. */
    refreshGraceMs: milliseconds,
  }),
  passwords: z.strictObject({ hashesAtOnce: z.int().min(1).max(64), maxQueue: z.int().min(1) }),
  lockOut: z.strictObject({
    /** Wrong passwords in a row that cost nothing. */
    freeFailures: z.int().min(0),
    /** The first lock; each further failure doubles it. */
    firstMs: z.int().min(1),
    longestMs: z.int().min(1),
    /** Failures are forgotten after a quiet time this long. */
    forgetAfterMs: z.int().min(1),
  }),
  secondFactor: z.strictObject({
    /** What authenticator apps show beside the tenant. */
    issuer: z.string().regex(/^[^:]{1,40}$/, "must be 1 to 40 characters without a colon"),
    /** A second factor is set up within this time of signing in, and confirmed within it. */
    recentS: seconds,
  }),
  securityKeys: z
    .strictObject({
      /** The domain that keys are bound to (WebAuthn's RP id), for instance `example.com`. Empty: there are none. */
      rpId: z.union([z.literal(""), z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "must be a domain")]),
      /** Pages that may use them, for instance `https://console.example.com`; comma-separated, of that domain. */
      origins: z.union([z.string().transform(listOf), z.array(z.string())]),
      /** How long a browser may take to answer. */
      challengeS: seconds.max(600),
    })
    .refine(({ rpId, origins }) => origins.every((origin) => isOriginOf(rpId, origin)), {
      path: ["origins"],
      error: "each must be https://HOST of securityKeys.rpId or a domain beneath it (http only on localhost)",
    })
    .refine(({ rpId, origins }) => rpId === "" || origins.length > 0, {
      path: ["origins"],
      error: "securityKeys.rpId needs at least one origin; set WEBAUTHN_ORIGINS",
    }),
  federation: z.strictObject({
    /** Secrets of identity providers, files `<tenant>.<name>`. Empty: there are none. */
    secretsDir: z.string(),
    /** Hosts of identity providers that may lie in private networks, and be asked without TLS; comma-separated. */
    privateHosts: z.coerce.string().transform(listOf),
    /** Sign-ins at directories at once, and how many may wait. */
    directories: z.strictObject({ places: z.int().min(1).max(64), queue: z.int().min(0) }),
  }),
  signingKeys: z.strictObject({
    rotateAfterS: seconds,
    activateAfterS: z.int().min(0),
    keepAfterS: seconds,
  }),
});

export type AuthConfig = z.infer<typeof configSchema>;

export function loadAuthConfig(): AuthConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
