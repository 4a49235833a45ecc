import { createHmac } from "node:crypto";
import { AppError } from "@agentmesh/errors";
import type { Profile, SAML } from "@node-saml/node-saml";
import { z } from "zod";
import { type ExternalIdentity, plainText, rolesOf, usernameOf } from "../domain/external-identity.ts";
import type { SamlSpec } from "../domain/identity-provider-spec.ts";
import { readSamlXml } from "../domain/saml-xml.ts";

/** One sign-in at one provider. */
export type SamlRound = {
  readonly spec: SamlSpec;
  readonly handle: string;
  readonly state: string;
  /** Where the provider posts its answer. */
  readonly redirectUri: string;
  /** The key that assertions are encrypted for, in PEM. Default: there is none. */
  readonly decryptionKey?: () => Promise<string>;
};

export type Saml = {
  /** Where to send the browser. */
  begin(round: SamlRound): Promise<string>;
  /** Who came back. @throws whatever the provider's answer is refused for */
  finish(round: SamlRound, response: string): Promise<ExternalIdentity>;
};

const ENCRYPTED = "EncryptedAssertion";
const SKEW_MS = 5_000;
const MAX_AGE_MS = 300_000;
const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const MAX_TEXT = 200;

/** The signed assertion as node-saml parses it: every element a list, its text `_`, its attributes `$`. */
const assertionSchema = z.object({
  Assertion: z.object({
    Issuer: z.tuple([z.object({ _: z.string() })]),
    Subject: z.tuple([
      z.object({
        NameID: z.tuple([
          z.object({ _: z.string().min(1), $: z.object({ Format: z.string().optional() }).optional() }),
        ]),
        SubjectConfirmation: z.tuple([
          z.object({
            $: z.object({ Method: z.string() }),
            SubjectConfirmationData: z.tuple([
              z.object({ $: z.object({ Recipient: z.string(), InResponseTo: z.string(), NotOnOrAfter: z.string() }) }),
            ]),
          }),
        ]),
      }),
    ]),
    Conditions: z.tuple([z.object({ $: z.object({ NotOnOrAfter: z.string() }) })]),
  }),
});

/**
 * SAML 2.0 web sign-in by node-saml. Beyond what it checks (signature, time, audience), an answer counts only for the
 * request it names, where it was sent to, and from the issuer of the resource; all of it in signed bytes. An answer
 * nobody asked for counts for nothing, and so a second use of one.
 *
 * @param key the id of a request follows from its handle under this key, so that it is not stored
 */
export function createSaml(key: Buffer): Saml {
  const requestIdOf = (handle: string) => `_${createHmac("sha256", key).update(`saml\0${handle}`).digest("hex")}`;
  return {
    async begin(round) {
      const saml = await open(round, requestIdOf(round.handle));
      return saml.getAuthorizeUrlAsync(round.state, undefined, {});
    },
    async finish(round, response) {
      const requestId = requestIdOf(round.handle);
      const xml = readSamlXml(response);
      const saml = await open(round, requestId, xml.includes(ENCRYPTED) ? await keyOf(round) : undefined);
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString("base64") });
      if (!profile) throw refused("it holds no assertion");
      return identityOf(round, profile, requestId);
    },
  };
}

function keyOf({ decryptionKey }: SamlRound): Promise<string> {
  if (decryptionKey) return decryptionKey();
  throw refused("it is encrypted, and there is no key");
}

async function open({ spec, redirectUri }: SamlRound, requestId: string, decryptionKey?: string): Promise<SAML> {
  const { SAML, ValidateInResponseTo } = await import("@node-saml/node-saml");
  const now = new Date().toISOString();
  return new SAML({
    entryPoint: spec.entryPoint,
    issuer: spec.audience,
    audience: spec.audience,
    callbackUrl: redirectUri,
    idpCert: [...spec.certificates],
    wantAssertionsSigned: true,
    // Providers sign the one or the other; the assertion is what is read. Anybody can encrypt for us, and what comes of
    // decrypting tells attackers something: so that is begun only with what the provider has signed around it.
    wantAuthnResponseSigned: decryptionKey !== undefined,
    ...(decryptionKey !== undefined && { decryptionPvk: decryptionKey }),
    acceptedClockSkewMs: SKEW_MS,
    maxAssertionAgeMs: MAX_AGE_MS,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    generateUniqueId: () => requestId,
    validateInResponseTo: ValidateInResponseTo.always,
    // The only request that is known is this one.
    cacheProvider: {
      saveAsync: async () => null,
      getAsync: async (id) => (id === requestId ? now : null),
      removeAsync: async (id) => id,
    },
  });
}

function identityOf({ spec, redirectUri }: SamlRound, profile: Profile, requestId: string): ExternalIdentity {
  const parsed = assertionSchema.safeParse(profile.getAssertion?.());
  if (!parsed.success) throw refused("its assertion lacks what is needed, or says it twice", parsed.error);
  const { Issuer, Subject } = parsed.data.Assertion;
  const { NameID, SubjectConfirmation } = Subject[0];
  const { Recipient, InResponseTo } = SubjectConfirmation[0].SubjectConfirmationData[0].$;
  if (Issuer[0]._ !== spec.entityId) throw refused(`it is from ${Issuer[0]._.slice(0, MAX_TEXT)}`);
  if (SubjectConfirmation[0].$.Method !== BEARER) throw refused("it is not for its bearer");
  if (Recipient !== redirectUri) throw refused(`it is for ${Recipient.slice(0, MAX_TEXT)}`);
  if (InResponseTo !== requestId) throw refused("it answers another request");
  const attributes = z.record(z.string(), z.unknown()).catch({}).parse(profile.attributes);
  const names = spec.attributes;
  const [nameId] = NameID;
  const externalId = names.id ? (textsOf(attributes, names.id)[0] ?? "") : nameId._;
  if (externalId === "" || (!names.id && nameId.$?.Format === TRANSIENT)) {
    throw refused("its NameID is another each time; set attributes.id of the IdentityProvider");
  }
  const text = (name: string) => plainText(textsOf(attributes, name)[0] ?? "").slice(0, MAX_TEXT);
  return {
    issuer: spec.entityId,
    externalId: plainText(externalId),
    username: usernameOf(names.username ? text(names.username) : nameId._),
    displayName: text(names.displayName),
    email: text(names.email),
    department: text(names.department),
    roles: rolesOf(spec, textsOf(attributes, names.groups)),
    amr: ["fed"],
    authenticatedAtMs: undefined,
  };
}

function textsOf(attributes: Readonly<Record<string, unknown>>, name: string): string[] {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : [];
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string");
}

function refused(why: string, cause?: unknown): AppError {
  return new AppError("UNAUTHENTICATED", `the provider's answer is refused: ${why}; start again, or ask an admin`, {
    reason: "PROVIDER_REFUSED",
    cause,
  });
}
