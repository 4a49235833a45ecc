import { createHash, randomBytes } from "node:crypto";

const CODE_BYTES = 10;
const COUNT = 10;
// Without letters and digits that look alike (Crockford's alphabet).
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const CODE = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** Codes for a lost device: 80 random bits each, as `xxxx-xxxx-xxxx-xxxx`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: COUNT }, newCode);
}

/** What is kept of a code, or undefined when the text is none. 80 random bits need no slow hash. */
export function hashRecoveryCode(text: string): Buffer | undefined {
  const plain = text.toLowerCase().replaceAll("-", "");
  return CODE.test(plain) ? createHash("sha256").update(`recovery-code/${plain}`).digest() : undefined;
}

function newCode(): string {
  let value = BigInt(`0x${randomBytes(CODE_BYTES).toString("hex")}`);
  let code = "";
  for (let i = 0; i < 16; i++) {
    code += ALPHABET[Number(value & 31n)];
    value >>= 5n;
  }
  return code.replace(/(.{4})(?=.)/g, "$1-");
}
