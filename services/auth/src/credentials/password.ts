import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { type Bulkhead, createBulkhead } from "@agentmesh/resilience";

// OWASP's second choice for argon2id: 19 MiB, two passes, one lane; ~27 ms on one core of a server.
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Hashes that exist nowhere cost the same as those that do. */
export type Passwords = {
  /** A new hash in PHC string format. */
  hash(password: string): Promise<string>;
  /**
   * Runs `decide` once there is a place, and with it a way to compare. The place is held throughout, so that what
   * `decide` reads first, such as a lock, is not older than the few comparisons under way.
   *
   * @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL)
   */
  compareIn<T>(
    decide: (matches: (password: string, hash: string | undefined) => Promise<boolean>) => Promise<T>,
  ): Promise<T>;
};

export function createPasswords(options: { hashesAtOnce: number; maxQueue: number }): Passwords {
  const bulkhead: Bulkhead = createBulkhead({
    name: "password hashing",
    places: options.hashesAtOnce,
    queue: options.maxQueue,
  });
  // No password has this hash, and comparing one with it costs what any comparison does.
  const dummy = phc(randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));

  async function matches(password: string, hash: string | undefined): Promise<boolean> {
    const equal = await equals(password, hash ?? dummy);
    return equal && hash !== undefined;
  }

  return {
    hash: (password) => bulkhead.run(() => hashNow(password)),
    compareIn: (decide) => bulkhead.run(() => decide(matches)),
  };
}

async function hashNow(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const hash = await derive(password, { nonce, memory: MEMORY_KIB, passes: PASSES, parallelism: LANES }, HASH_BYTES);
  return phc(nonce, hash);
}

function phc(nonce: Buffer, hash: Buffer): string {
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(nonce)}$${unpadded(hash)}`;
}

async function equals(password: string, phc: string): Promise<boolean> {
  const [, memory, passes, lanes, salt, hash] = PHC.exec(phc) ?? [];
  if (!salt || !hash) return false;
  const expected = Buffer.from(hash, "base64");
  const parameters = {
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(lanes),
  };
  return timingSafeEqual(await derive(password, parameters, expected.length), expected);
}

function derive(
  password: string,
  parameters: Omit<Argon2Parameters, "message" | "tagLength">,
  tagLength: number,
): Promise<Buffer> {
  // NFKC, so that a password typed on another keyboard has the same bytes.
  const message = Buffer.from(password.normalize("NFKC"));
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  argon2("argon2id", { ...parameters, message, tagLength }, (error, key) => (error ? reject(error) : resolve(key)));
  return promise;
}

/** PHC strings carry base64 without padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
