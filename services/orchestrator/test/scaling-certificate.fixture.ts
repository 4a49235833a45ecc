// A self-signed certificate for 127.0.0.1, made anew for each test: no private key lies in the tree, and no tool is
// needed. DER by hand: X.509 v3 (RFC 5280) with Ed25519 (RFC 8410).
import { generateKeyPairSync, sign } from "node:crypto";

export type Certificate = { readonly key: string; readonly cert: string };

const DAY_MS = 24 * 3600 * 1000;
const ED25519 = sequence(objectId([0x2b, 0x65, 0x70]));
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const VERSION_3 = tagged(0xa0, Buffer.from([0x02, 0x01, 0x02]));

export function makeCertificate(nowMs: number): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const name = sequence(tagged(0x31, sequence(objectId(COMMON_NAME), tagged(0x0c, Buffer.from("kubernetes")))));
  const address = tagged(0x87, Buffer.from([127, 0, 0, 1]));
  const body = sequence(
    VERSION_3,
    tagged(0x02, Buffer.from([0x01])),
    ED25519,
    name,
    sequence(utcTime(nowMs - DAY_MS), utcTime(nowMs + DAY_MS)),
    name,
    publicKey.export({ format: "der", type: "spki" }),
    tagged(
      0xa3,
      sequence(
        sequence(objectId(SUBJECT_ALT_NAME), tagged(0x04, sequence(address))),
        sequence(objectId(BASIC_CONSTRAINTS), TRUE, tagged(0x04, sequence(TRUE))),
      ),
    ),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign(null, body, privateKey)]));
  const lines =
    sequence(body, ED25519, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function objectId(bytes: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function utcTime(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
