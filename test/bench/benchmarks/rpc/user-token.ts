import { generateKeyPairSync, sign } from "node:crypto";
import { tokenIssuer, tokenType } from "@agentmesh/identity";

/** A token as auth signs it, good for an hour, and the key set that proves it. */
export function userToken(): { readonly token: string; readonly jwks: object } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const nowS = Math.floor(Date.now() / 1000);
  const header = { alg: "EdDSA", typ: tokenType, kid: "bench" };
  const claims = {
    iss: tokenIssuer,
    aud: "mesh",
    sub: "user:bench",
    tnt: "bench",
    jti: "1",
    iat: nowS,
    exp: nowS + 3_600,
  };
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign(null, Buffer.from(signed), privateKey).toString("base64url");
  const key = { ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "EdDSA", use: "sig" };
  return { token: `${signed}.${signature}`, jwks: { keys: [key] } };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
