import type { TokenVerifier } from "@agentmesh/identity";
import type { Database } from "@agentmesh/postgres";
import type { Bulkhead } from "@agentmesh/resilience";
import type { Logger } from "@agentmesh/telemetry";
import type { AuthConfig } from "./config.ts";
import type { Passwords } from "./credentials/password.ts";
import type { WebAuthn } from "./credentials/webauthn.ts";
import type { Ldap } from "./federation/ldap.ts";
import type { Oidc } from "./federation/oidc.ts";
import type { Saml } from "./federation/saml.ts";
import type { AuthMetrics } from "./metrics.ts";
import type { KeyRing } from "./state/key-ring.ts";
import type { Remembered } from "./state/remembered.ts";
import type { Revocations } from "./state/revocations.ts";
import type { RoleBook } from "./state/role-book.ts";
import type { Account } from "./store/accounts.ts";
import type { StoredApiKey } from "./store/api-keys.ts";

/** What handlers work with. */
export type Context = {
  readonly config: AuthConfig;
  readonly log: Logger;
  readonly metrics: AuthMetrics;
  readonly db: Database;
  readonly passwords: Passwords;
  /** The key under which refresh tokens are made. */
  readonly refreshKey: Buffer;
  /** The key under which secrets of second factors are sealed. */
  readonly secondFactorKey: Buffer;
  readonly webAuthn: WebAuthn;
  readonly oidc: Oidc;
  readonly ldap: Ldap;
  readonly saml: Saml;
  /** Sign-ins at directories that are under way. */
  readonly directorySignIns: Bulkhead;
  readonly keys: KeyRing;
  readonly roles: RoleBook;
  readonly revocations: Revocations;
  /** By `accountKey`. */
  readonly accounts: Remembered<Account>;
  /** By hash in hex. */
  readonly apiKeys: Remembered<StoredApiKey>;
  /** What a workload may exchange, by its name: the gateway callers' access tokens, others the tokens they are sent. */
  readonly exchangeable: (workload: string) => TokenVerifier;
};
