import type { TokenVerifier } from "@agentmesh/identity";
import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { AuthConfig } from "./config.ts";
import type { Passwords } from "./credentials/password.ts";
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
