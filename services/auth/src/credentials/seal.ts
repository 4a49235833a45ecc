// Sealing follows the AWS Encryption SDK's committing format: HKDF-SHA-512 turns the master key and a random salt into
// a data key and a commitment to it, so that no ciphertext opens under two keys.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError } from "@agentmesh/errors";

/** Names the one cell a ciphertext belongs to: moved to any other it does not open. */
export type Cell = { readonly table: string; readonly field: string; readonly record: string };

const FORMAT = 1;
const SALT_BYTES = 32;
const COMMITMENT_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const COMMITMENT_AT = 1 + SALT_BYTES;
const IV_AT = COMMITMENT_AT + COMMITMENT_BYTES;
const TAG_AT = IV_AT + IV_BYTES;
const HEADER_BYTES = TAG_AT + TAG_BYTES;

/** @param masterKey 32 bytes */
export function seal(masterKey: Buffer, cell: Cell, plain: Uint8Array): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const aad = aadOf(cell);
  const { key, commitment } = derive(masterKey, salt, aad);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), salt, commitment, iv, cipher.getAuthTag(), body]);
}

/** @throws AppError DATA_LOSS (CANNOT_UNSEAL) when the bytes, the key or the cell are not those it was sealed with */
export function unseal(masterKey: Buffer, cell: Cell, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed);
  if (bytes.length < HEADER_BYTES || bytes[0] !== FORMAT) throw cannotUnseal(cell);
  const salt = bytes.subarray(1, COMMITMENT_AT);
  const committed = bytes.subarray(COMMITMENT_AT, IV_AT);
  const iv = bytes.subarray(IV_AT, TAG_AT);
  const tag = bytes.subarray(TAG_AT, HEADER_BYTES);
  const aad = aadOf(cell);
  const { key, commitment } = derive(masterKey, salt, aad);
  if (!timingSafeEqual(commitment, committed)) throw cannotUnseal(cell);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, iv).setAAD(aad).setAuthTag(tag);
    return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES)), decipher.final()]);
  } catch (cause) {
    throw cannotUnseal(cell, cause);
  }
}

function aadOf({ table, field, record }: Cell): Buffer {
  return Buffer.from(JSON.stringify(["auth", table, field, record]));
}

function derive(masterKey: Buffer, salt: Buffer, aad: Buffer): { key: Buffer; commitment: Buffer } {
  const derived = Buffer.from(hkdfSync("sha512", masterKey, salt, aad, 64));
  return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
}

function cannotUnseal({ table, field, record }: Cell, cause?: unknown): AppError {
  return new AppError(
    "DATA_LOSS",
    `${table}.${field} of ${record} does not open: it was changed, or MASTER_KEY_FILE is not the key it was sealed with`,
    { reason: "CANNOT_UNSEAL", cause },
  );
}
