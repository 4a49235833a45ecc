import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with the place it is kept in as associated data: moved to another row or table, it does not open.
 *
 * @param place for instance `compliance|signing_key|1`
 * @returns IV, ciphertext and tag in one
 */
export function wrap(masterKey: Buffer, place: string, secret: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", masterKey, iv).setAAD(Buffer.from(place));
  return Buffer.concat([iv, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** @throws Error when the key, the place or a byte is not the one it was wrapped with */
export function unwrap(masterKey: Buffer, place: string, wrapped: Buffer): string {
  const decipher = createDecipheriv("aes-256-gcm", masterKey, wrapped.subarray(0, IV_BYTES)).setAAD(Buffer.from(place));
  decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
  return decipher.update(wrapped.subarray(IV_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
}
