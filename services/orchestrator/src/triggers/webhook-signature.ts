import { createHmac, timingSafeEqual } from "node:crypto";
import { sha256Hex } from "@agentmesh/ids";
import type { WebhookSpec } from "./trigger-spec.ts";

/** A request as it came: names of headers in lower case, the body untouched. */
export type WebhookRequest = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

/** What a genuine request says: its delivery's id, by which a repeat is told. */
export type Genuine = { readonly genuine: true; readonly id: string };
export type Verified = Genuine | { readonly genuine: false; readonly why: string };

/** A signed text, the signatures that may be its, and what else the scheme says. */
type Claim = {
  readonly signed: readonly (string | Uint8Array)[];
  readonly signatures: readonly Buffer[];
  readonly id: string;
  /** When it was signed; undefined: the scheme has no time. */
  readonly atS: number | undefined;
  /** Keys of the scheme as bytes. */
  readonly keyOf: (secret: string) => Buffer;
};

// More than any sender that rotates its secrets puts into one header.
const MAX_SIGNATURES = 10;

/**
 * Whether a request is of who holds one of the secrets. All are tried, and each signature is compared in constant time,
 * so that the time it takes says nothing. Why it is not is for the log: a sender is only told that it is not.
 *
 * @param nowMs milliseconds since the epoch
 */
export function verifyWebhook(
  spec: WebhookSpec,
  secrets: readonly string[],
  request: WebhookRequest,
  nowMs: number,
): Verified {
  const claim = readClaim(spec, request);
  if (typeof claim === "string") return refuse(claim);
  if (secrets.length === 0) return refuse(`there is no secret ${spec.secret}`);
  if (claim.atS !== undefined && Math.abs(nowMs / 1000 - claim.atS) > spec.toleranceS) {
    return refuse(`it was signed at ${claim.atS}, more than ${spec.toleranceS} s from now`);
  }
  let matches = false;
  for (const secret of secrets) {
    const hmac = createHmac("sha256", claim.keyOf(secret));
    for (const part of claim.signed) hmac.update(part);
    const expected = hmac.digest();
    for (const signature of claim.signatures) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) matches = true;
    }
  }
  return matches ? { genuine: true, id: claim.id } : refuse("no signature is by one of its secrets");
}

function refuse(why: string): Verified {
  return { genuine: false, why };
}

function readClaim({ signature }: WebhookSpec, request: WebhookRequest): Claim | string {
  switch (signature.scheme) {
    case "standard":
      return readStandard(request);
    case "github":
      return readGithub(request);
    case "stripe":
      return readStripe(request);
    case "hmac-sha256":
      return readPlain(signature, request);
    default:
      return signature satisfies never;
  }
}

/** `v1,<base64> v1,<base64>` over `<id>.<seconds>.<body>`; secrets are `whsec_<base64>`. */
function readStandard({ headers, body }: WebhookRequest): Claim | string {
  const id = headers["webhook-id"];
  const atS = seconds(headers["webhook-timestamp"]);
  if (!id || atS === undefined) return "webhook-id or webhook-timestamp is missing";
  const signatures = (headers["webhook-signature"] ?? "").split(" ").flatMap((part) => {
    const [version, value] = part.split(",");
    return version === "v1" && value ? [Buffer.from(value, "base64")] : [];
  });
  return {
    signed: [`${id}.${headers["webhook-timestamp"]}.`, body],
    signatures: signatures.slice(0, MAX_SIGNATURES),
    id,
    atS,
    keyOf: (secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"),
  };
}

function readGithub({ headers, body }: WebhookRequest): Claim | string {
  const id = headers["x-github-delivery"];
  const value = /^sha256=([0-9a-f]{64})$/i.exec(headers["x-hub-signature-256"] ?? "")?.[1];
  if (!id || !value) return "x-github-delivery or x-hub-signature-256 is missing";
  return { signed: [body], signatures: [Buffer.from(value, "hex")], id, atS: undefined, keyOf: asText };
}

/** `t=<seconds>,v1=<hex>` over `<seconds>.<body>`. */
function readStripe({ headers, body }: WebhookRequest): Claim | string {
  const parts = (headers["stripe-signature"] ?? "").split(",").map((part) => part.trim().split("="));
  const time = parts.find(([name]) => name === "t")?.[1];
  const atS = seconds(time);
  if (atS === undefined) return "stripe-signature is missing or has no time";
  const signatures = parts.flatMap(([name, value]) => (name === "v1" && value ? [Buffer.from(value, "hex")] : []));
  return {
    signed: [`${time}.`, body],
    signatures: signatures.slice(0, MAX_SIGNATURES),
    id: idInBody(body) ?? sha256Hex(body),
    atS,
    keyOf: asText,
  };
}

type PlainSignature = Extract<WebhookSpec["signature"], { scheme: "hmac-sha256" }>;

function readPlain(signature: PlainSignature, { headers, body }: WebhookRequest): Claim | string {
  const { header, encoding, prefix, idHeader } = signature;
  const value = headers[header];
  if (!value?.startsWith(prefix)) return `${header} is missing or does not start with ${JSON.stringify(prefix)}`;
  const id = idHeader === undefined ? sha256Hex(body) : headers[idHeader];
  if (!id) return `${idHeader} is missing`;
  return {
    signed: [body],
    signatures: [Buffer.from(value.slice(prefix.length), encoding)],
    id,
    atS: undefined,
    keyOf: asText,
  };
}

function asText(secret: string): Buffer {
  return Buffer.from(secret);
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

/** Only read for a key; whether the body is JSON at all is found out, and said, after its signature was. */
function idInBody(body: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    if (value === null || typeof value !== "object" || !("id" in value)) return undefined;
    return typeof value.id === "string" && value.id !== "" ? value.id : undefined;
  } catch {
    return undefined;
  }
}
