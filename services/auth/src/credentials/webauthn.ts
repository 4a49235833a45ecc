// WebAuthn Level 3 by @simplewebauthn/server. Attestation is not asked for: which make of key somebody has is theirs to choose.
import { z } from "zod";

export type RelyingParty = {
  /** The domain that keys are bound to, for instance `example.com`. */
  readonly rpId: string;
  /** Of the pages that may use them. */
  readonly origins: readonly string[];
};

export type KnownKey = {
  readonly id: Buffer;
  /** COSE. */
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
};

export type KeyOwner = { readonly subject: string; readonly username: string; readonly displayName: string };

/** What a browser is asked. `challenge` is base64url. */
export type Asked = { readonly challenge: string; readonly timeoutMs: number };

export type WebAuthn = {
  /** Without a relying party keys cannot be used. */
  readonly enabled: boolean;
  creationOptions(owner: KeyOwner, existing: readonly KnownKey[], asked: Asked): Promise<object>;
  requestOptions(keys: readonly KnownKey[], asked: Asked): Promise<object>;
  /** The new key. @throws whatever the answer is refused for */
  register(challenge: string, credential: unknown): Promise<KnownKey>;
  /** The key's new count. @throws whatever the answer is refused for */
  verify(challenge: string, credential: unknown, key: KnownKey, owner: Pick<KeyOwner, "subject">): Promise<number>;
};

const ISSUER = "agentmesh";
/** EdDSA, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257];
const bytes = z
  .string()
  .min(1)
  .max(16_384)
  .regex(/^[\w-]+$/, "must be base64url");

const shared = {
  id: bytes,
  rawId: bytes,
  type: z.literal("public-key"),
  clientExtensionResults: z
    .unknown()
    .optional()
    .transform(() => ({})),
};

const made = z.object({
  ...shared,
  response: z.object({
    clientDataJSON: bytes,
    attestationObject: bytes,
    transports: z.array(z.string().max(20)).max(10).optional().default([]),
  }),
});

const signed = z.object({
  ...shared,
  response: z.object({
    clientDataJSON: bytes,
    authenticatorData: bytes,
    signature: bytes,
    userHandle: z.string().max(200).optional(),
  }),
});

const clientData = z.object({ crossOrigin: z.boolean().optional() });

/** The id of the credential that an answer is of; undefined: it is none. */
export function credentialIdOf(credential: unknown): Buffer | undefined {
  const parsed = signed.safeParse(credential);
  return parsed.success ? Buffer.from(parsed.data.id, "base64url") : undefined;
}

export function createWebAuthn({ rpId, origins }: RelyingParty): WebAuthn {
  const load = () => import("@simplewebauthn/server");
  const expected = { expectedOrigin: [...origins], expectedRPID: rpId };
  return {
    enabled: rpId !== "",
    async creationOptions({ subject, username, displayName }, existing, { challenge, timeoutMs }) {
      return (await load()).generateRegistrationOptions({
        rpName: ISSUER,
        rpID: rpId,
        userID: new Uint8Array(Buffer.from(subject)),
        userName: username,
        userDisplayName: displayName,
        challenge: new Uint8Array(Buffer.from(challenge, "base64url")),
        timeout: timeoutMs,
        attestationType: "none",
        excludeCredentials: existing.map(toDescriptor),
        authenticatorSelection: { residentKey: "discouraged", userVerification: "required" },
        supportedAlgorithmIDs: ALGORITHMS,
      });
    },
    async requestOptions(keys, { challenge, timeoutMs }) {
      return (await load()).generateAuthenticationOptions({
        rpID: rpId,
        allowCredentials: keys.map(toDescriptor),
        challenge: new Uint8Array(Buffer.from(challenge, "base64url")),
        timeout: timeoutMs,
        userVerification: "required",
      });
    },
    async register(challenge, credential) {
      const response = made.parse(credential);
      refuseForeignFrame(response.response.clientDataJSON);
      const { verified, registrationInfo } = await (await load()).verifyRegistrationResponse({
        ...expected,
        response,
        expectedChallenge: challenge,
        requireUserVerification: true,
        supportedAlgorithmIDs: ALGORITHMS,
      });
      if (!verified) throw new Error("its attestation is not valid");
      const { id, publicKey, counter } = registrationInfo.credential;
      // What it calls itself outside the signed bytes must be what it is called within.
      if (id !== response.id) throw new Error("its id is another");
      const { transports } = response.response;
      return { id: Buffer.from(id, "base64url"), publicKey: Buffer.from(publicKey), counter, transports };
    },
    async verify(challenge, credential, key, { subject }) {
      const response = signed.parse(credential);
      refuseForeignFrame(response.response.clientDataJSON);
      const { userHandle } = response.response;
      if (userHandle && Buffer.from(userHandle, "base64url").toString() !== subject) {
        throw new Error("it is of another user");
      }
      const id = key.id.toString("base64url");
      if (response.id !== id) throw new Error("it is of another key");
      const { verified, authenticationInfo } = await (await load()).verifyAuthenticationResponse({
        ...expected,
        response: { ...response, response: { ...response.response, userHandle: userHandle ?? "" } },
        expectedChallenge: challenge,
        credential: { id, publicKey: new Uint8Array(key.publicKey), counter: key.counter },
        requireUserVerification: true,
      });
      if (!verified) throw new Error("its signature is not valid");
      return authenticationInfo.newCounter;
    },
  };
}

/** A page that shows ours within itself could let people sign what they do not see. */
function refuseForeignFrame(clientDataJSON: string): void {
  const { crossOrigin } = clientData.parse(JSON.parse(Buffer.from(clientDataJSON, "base64url").toString()));
  if (crossOrigin) throw new Error("it was made within a page of another origin");
}

function toDescriptor({ id, transports }: KnownKey): { id: string; transports?: string[] } {
  return { id: id.toString("base64url"), ...(transports.length > 0 && { transports: [...transports] }) };
}
