import { type Bus, publishSnapshots } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import type { Database, Transaction } from "@agentmesh/postgres";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importPKCS8,
  type JSONWebKeySet,
} from "jose";
import { type Cell, seal, unseal } from "../credentials/seal.ts";
import { type KeyPolicy, type KeyTimes, planKeys, signingKeyOf } from "../domain/plan-keys.ts";
import {
  insertSigningKey,
  lockSigningKeys,
  type PublicJwk,
  readKeySetVersion,
  readSigningKeys,
  retireSigningKey,
  type SigningKeyRow,
} from "../store/signing-keys.ts";

/** One algorithm for every key: a token cannot choose another. */
const ALGORITHM = "ES256";

type LoadedKey = KeyTimes & { readonly privateKey: CryptoKey };

/** The keys that sign and verify tokens, in memory, as the database has them. */
export type KeyRing = AsyncDisposable & {
  /** @throws AppError UNAVAILABLE (NO_SIGNING_KEY) */
  signingKey(nowMs: number): LoadedKey;
  readonly publicKeys: readonly PublicJwk[];
  /** The same object until the keys change. */
  readonly jwks: JSONWebKeySet;
  /** Makes and retires keys by age, and takes up what a peer did. */
  maintain(nowMs: number): Promise<void>;
};

export type KeyRingOptions = {
  readonly db: Database;
  readonly bus: Bus;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  readonly policy: KeyPolicy;
};

/** Opens the ring with at least one key that signs, published in the `jwks` snapshot. */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const { db, bus, masterKey, policy } = options;
  let version = -1;
  let loaded: readonly LoadedKey[] = [];
  let publicKeys: readonly PublicJwk[] = [];
  let jwks: JSONWebKeySet = { keys: [] };

  async function reload(): Promise<void> {
    const found = await readKeySetVersion(db);
    if (found === version) return;
    const rows = await readSigningKeys(db);
    const known = new Map(loaded.map((key) => [key.kid, key]));
    loaded = await Promise.all(rows.map(async (row) => known.get(row.kid) ?? (await load(row, masterKey))));
    publicKeys = rows.map((row) => row.public_jwk);
    jwks = { keys: publicKeys.map((jwk) => ({ ...jwk })) };
    version = found;
  }

  const snapshot = () => ({ key: "current", version, value: jwks });

  await db.transaction((tx) => applyPlan(tx, masterKey, policy, Date.now()));
  await reload();
  const publisher = await publishSnapshots(bus, "jwks", async () => [snapshot()]);
  return {
    signingKey(nowMs) {
      const key = signingKeyOf(loaded, nowMs);
      if (key) return key;
      throw new AppError("UNAVAILABLE", "no signing key is active yet; try again shortly", {
        reason: "NO_SIGNING_KEY",
        retryAfterMs: 1000,
      });
    },
    get publicKeys() {
      return publicKeys;
    },
    get jwks() {
      return jwks;
    },
    async maintain(nowMs) {
      const before = version;
      await reload();
      const plan = planKeys(loaded, nowMs, policy);
      if (plan.createActiveFromMs !== undefined || plan.retire.length > 0) {
        await db.transaction((tx) => applyPlan(tx, masterKey, policy, nowMs));
        await reload();
      }
      if (version !== before) await publisher.put(snapshot());
    },
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

/** Plans again under the lock, for a peer may have been faster. */
async function applyPlan(tx: Transaction, masterKey: Buffer, policy: KeyPolicy, nowMs: number): Promise<void> {
  await lockSigningKeys(tx);
  const plan = planKeys((await readSigningKeys(tx)).map(timesOf), nowMs, policy);
  for (const kid of plan.retire) await retireSigningKey(tx, kid, new Date(nowMs));
  if (plan.createActiveFromMs === undefined) return;
  const made = await makeKey(masterKey);
  await insertSigningKey(tx, {
    ...made,
    created_at: new Date(nowMs),
    active_from: new Date(plan.createActiveFromMs),
  });
}

async function makeKey(masterKey: Buffer): Promise<Pick<SigningKeyRow, "kid" | "public_jwk" | "sealed">> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const { kty = "", crv = "", x = "", y = "" } = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint({ kty, crv, x, y });
  const sealed = seal(masterKey, cellOf(kid), Buffer.from(await exportPKCS8(privateKey)));
  return { kid, public_jwk: { kty, crv, x, y, kid, alg: ALGORITHM, use: "sig" }, sealed };
}

async function load(row: SigningKeyRow, masterKey: Buffer): Promise<LoadedKey> {
  const pem = unseal(masterKey, cellOf(row.kid), row.sealed ?? Buffer.alloc(0)).toString();
  return { ...timesOf(row), privateKey: await importPKCS8(pem, ALGORITHM) };
}

function timesOf(row: SigningKeyRow): KeyTimes {
  return { kid: row.kid, createdAtMs: row.created_at.getTime(), activeFromMs: row.active_from.getTime() };
}

function cellOf(kid: string): Cell {
  return { table: "signing_key", field: "sealed", record: kid };
}
