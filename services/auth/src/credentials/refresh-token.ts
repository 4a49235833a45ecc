import { createHmac, timingSafeEqual } from "node:crypto";

/** What a refresh token says about itself. */
export type RefreshToken = { readonly sessionId: string; readonly generation: number; readonly mac: Buffer };

const UUID_BYTES = 16;
const GENERATION_BYTES = 4;
const MAC_BYTES = 32;
const TOKEN_BYTES = UUID_BYTES + GENERATION_BYTES + MAC_BYTES;
const REFRESH_TOKEN = /^mr_([\w-]{70})$/;

/**
 * The refresh token of one generation of a session: `mr_` and base64url of session id, generation and MAC. It follows
 * from the key and the session's secret, so the successor that a client lost can be said again, and nothing that
 * opens a session is stored.
 */
export function refreshToken(key: Buffer, sessionId: string, secret: Buffer, generation: number): string {
  const head = headOf(sessionId, generation);
  return `mr_${Buffer.concat([head, macOf(key, secret, head)]).toString("base64url")}`;
}

export function readRefreshToken(text: string): RefreshToken | undefined {
  const [, body] = REFRESH_TOKEN.exec(text) ?? [];
  const bytes = Buffer.from(body ?? "", "base64url");
  // The last character of base64url has spare bits; only the canonical text is a token.
  if (bytes.length !== TOKEN_BYTES || bytes.toString("base64url") !== body) return undefined;
  const hex = bytes.toString("hex", 0, UUID_BYTES);
  return {
    sessionId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
    generation: bytes.readUInt32BE(UUID_BYTES),
    mac: bytes.subarray(UUID_BYTES + GENERATION_BYTES),
  };
}

export function isGenuine(key: Buffer, secret: Buffer, token: RefreshToken): boolean {
  return timingSafeEqual(token.mac, macOf(key, secret, headOf(token.sessionId, token.generation)));
}

function headOf(sessionId: string, generation: number): Buffer {
  const head = Buffer.alloc(UUID_BYTES + GENERATION_BYTES);
  head.write(sessionId.replaceAll("-", ""), "hex");
  head.writeUInt32BE(generation, UUID_BYTES);
  return head;
}

function macOf(key: Buffer, secret: Buffer, head: Buffer): Buffer {
  return createHmac("sha256", key).update(secret).update(head).digest();
}
