// Time-based one-time passwords as RFC 6238 and authenticator apps have them: HMAC-SHA-1, six digits, thirty seconds.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const SECRET_BYTES = 20;
const STEP_MS = 30_000;
const DIGITS = 6;
// Clocks of telephones are a little off: one step to either side.
const SKEW_STEPS = 1;
const CODE = /^\d{6}$/;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function newTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** The code of the step of thirty seconds that a time lies in. */
export function totpAt(secret: Buffer, atMs: number): string {
  return codeOf(secret, Math.floor(atMs / STEP_MS));
}

export function isTotpCode(text: string): boolean {
  return CODE.test(text);
}

/**
 * The step whose code this is, of the one now and its neighbours; undefined when it is none of them. Every candidate is
 * compared, so that the time taken says nothing.
 *
 * @param afterStep steps up to this one are spent
 */
export function matchingStep(secret: Buffer, code: string, nowMs: number, afterStep: number): number | undefined {
  if (!isTotpCode(code)) return undefined;
  const current = Math.floor(nowMs / STEP_MS);
  let found: number | undefined;
  for (let step = current - SKEW_STEPS; step <= current + SKEW_STEPS; step++) {
    const equal = timingSafeEqual(Buffer.from(codeOf(secret, step)), Buffer.from(code));
    if (equal && step > afterStep) found ??= step;
  }
  return found;
}

/** RFC 4648 without padding, as people type it into an app. */
export function toBase32(bytes: Buffer): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/** What authenticator apps read from a QR code. */
export function totpUri(secret: Buffer, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  const query = `secret=${toBase32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=${DIGITS}`;
  return `otpauth://totp/${label}?${query}&period=${STEP_MS / 1000}`;
}

function codeOf(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, "0");
}
