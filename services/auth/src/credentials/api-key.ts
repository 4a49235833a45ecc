import { createHash, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;
const VISIBLE_CHARS = 10;
const API_KEY = /^mk_[\w-]{43}$/;

/** A new key: the text to show once and what is kept of it. */
export function newApiKey(): { secret: string; prefix: string; hash: Buffer } {
  const secret = `mk_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { secret, prefix: secret.slice(0, VISIBLE_CHARS), hash: hashApiKey(secret) };
}

export function isApiKey(text: string): boolean {
  return API_KEY.test(text);
}

/** Plain SHA-256: 256 random bits cannot be guessed, so a slow hash would protect nothing. */
export function hashApiKey(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Stands for the key where tokens carry a session, so that revoking the key ends its tokens as signing out does. */
export function sessionOfApiKey(id: string): string {
  return `key-${id}`;
}
