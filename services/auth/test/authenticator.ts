// A security key in software: real keys, real CBOR, real signatures, and whatever lie a test wants told.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export type Lies = {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
  readonly counter?: number;
  readonly userPresent?: boolean;
  readonly userVerified?: boolean;
  readonly userHandle?: string;
  /** Changed after signing. */
  readonly tamper?: (signature: Buffer) => Buffer;
};

export const rpId = "example.com";
export const origin = "https://console.example.com";

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED = 0x40;

export class Authenticator {
  readonly id = randomBytes(32);
  counter = 0;
  readonly #keys: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync("ec", { namedCurve: "P-256" });

  /** As `navigator.credentials.create(…).toJSON()`. */
  create(options: unknown, lies: Lies = {}) {
    const data = this.#authenticatorData(lies, this.#attestedCredential());
    const clientDataJSON = clientData("webauthn.create", options, lies);
    const attestation = new Map<string, Cbor>([
      ["fmt", "none"],
      ["attStmt", new Map()],
      ["authData", data],
    ]);
    return {
      ...this.#envelope(),
      response: {
        clientDataJSON: toBase64Url(clientDataJSON),
        attestationObject: toBase64Url(cbor(attestation)),
        transports: ["usb"],
      },
    };
  }

  /** As `navigator.credentials.get(…).toJSON()`. Each counts one further, as keys of metal do. */
  get(options: unknown, lies: Lies = {}) {
    this.counter++;
    const data = this.#authenticatorData(lies);
    const clientDataJSON = clientData("webauthn.get", options, lies);
    const signature = sign("sha256", Buffer.concat([data, sha256(clientDataJSON)]), this.#keys.privateKey);
    return {
      ...this.#envelope(),
      response: {
        clientDataJSON: toBase64Url(clientDataJSON),
        authenticatorData: toBase64Url(data),
        signature: toBase64Url(lies.tamper ? lies.tamper(signature) : signature),
        ...(lies.userHandle !== undefined && { userHandle: toBase64Url(Buffer.from(lies.userHandle)) }),
      },
    };
  }

  #envelope() {
    const id = toBase64Url(this.id);
    return { id, rawId: id, type: "public-key", clientExtensionResults: {} };
  }

  #authenticatorData(lies: Lies, attested: Buffer = Buffer.alloc(0)): Buffer {
    const { userPresent = true, userVerified = true } = lies;
    const flags =
      (userPresent ? USER_PRESENT : 0) | (userVerified ? USER_VERIFIED : 0) | (attested.length > 0 ? ATTESTED : 0);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(lies.counter ?? this.counter);
    return Buffer.concat([sha256(Buffer.from(lies.rpId ?? rpId)), Buffer.of(flags), counter, attested]);
  }

  #attestedCredential(): Buffer {
    const { x = "", y = "" } = this.#keys.publicKey.export({ format: "jwk" });
    const cose = new Map<number, Cbor>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, "base64url")],
      [-3, Buffer.from(y, "base64url")],
    ]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    return Buffer.concat([Buffer.alloc(16), length, this.id, cbor(cose)]);
  }
}

function clientData(type: string, options: unknown, lies: Lies): Buffer {
  const challenge = lies.challenge ?? String(Reflect.get(Object(options), "challenge"));
  const { crossOrigin = false } = lies;
  return Buffer.from(
    JSON.stringify({ type: lies.type ?? type, challenge, origin: lies.origin ?? origin, crossOrigin }),
  );
}

type Cbor = number | string | Buffer | Map<number | string, Cbor>;

/** RFC 8949, as much as WebAuthn needs. */
function cbor(value: Cbor): Buffer {
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)])]);
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.of((major << 5) | size);
  if (size < 256) return Buffer.of((major << 5) | 24, size);
  return Buffer.of((major << 5) | 25, size >> 8, size & 255);
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function toBase64Url(bytes: Buffer): string {
  return bytes.toString("base64url");
}
