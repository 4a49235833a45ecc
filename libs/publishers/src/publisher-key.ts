import { createUser } from "@nats-io/nkeys";
import type { PublisherKey } from "./publisher.ts";

export type IssuedKey = {
  /** What the server is told. */
  readonly entry: PublisherKey;
  /** `SU…`: what signs in. Whoever asked gets it once; it is kept nowhere. */
  readonly seed: string;
};

/** A new Ed25519 key as NATS writes them (an nkey of a user). */
export function newPublisherKey(now: Date): IssuedKey {
  const pair = createUser();
  const seed = Buffer.from(pair.getSeed()).toString("ascii");
  const entry = { key: pair.getPublicKey(), issued: now.toISOString() };
  pair.clear();
  return { entry, seed };
}
