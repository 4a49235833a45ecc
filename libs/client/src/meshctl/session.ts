import { AppError } from "@agentmesh/errors";
import { type ConnectOptions, connect, type MeshClient, TENANT_HEADER } from "../connect.ts";
import type { Tls } from "../gateway-address.ts";
import type { Settings } from "./config.ts";
import { findLocalMesh } from "./local-mesh.ts";
import {
  needProfile,
  type Profile,
  profileName,
  readProfile,
  type SessionTokens,
  sessionOf,
  type TlsFiles,
  writeProfile,
} from "./profile.ts";
import { readTls } from "./tls.ts";

export type Session = AsyncDisposable & {
  readonly mesh: MeshClient;
  readonly address: string;
  readonly tls: Tls;
  /** Renews the access token when it is about to end. For commands that last. */
  renew(): Promise<void>;
  /** What signs a call in, for calls that go past `mesh`. */
  credentials(): { readonly token?: string; readonly metadata?: Readonly<Record<string, string>> };
};

/** An access token with less than this left is renewed first. */
const RENEW_MS = 60_000;

/**
 * Signed in by AGENTMESH_API_KEY or by the profile, whose credential goes to the profile's address and nowhere else.
 *
 * @throws AppError UNAUTHENTICATED (NOT_SIGNED_IN)
 */
export async function openSession(settings: Settings): Promise<Session> {
  const { home, apiKey } = settings;
  const name = profileName(settings);
  // A name that was said is meant: no other profile, and no address of the environment, stands in for it.
  const profile = settings.profile === undefined ? readProfile(home, name) : needProfile(home, name);
  const address = settings.address ?? profile?.address ?? findLocalMesh()?.gatewayAddress;
  if (address && apiKey) {
    const place = { address, tls: tlsFor(address, profile, settings) };
    return withEachCall(place, { apiKey }, { "x-api-key": apiKey });
  }
  if (!profile) throw notSignedIn("nobody is signed in");
  if (address !== profile.address) {
    throw notSignedIn(`the profile is for ${profile.address}, and AGENTMESH_ADDRESS says ${address}`);
  }
  const { credential } = profile;
  const place = { address, tls: readTls(profile.tls) };
  if (credential.kind === "none") throw notSignedIn(`nobody is signed in with the profile ${name}`);
  switch (credential.kind) {
    case "api-key":
      return withEachCall(place, { apiKey: credential.apiKey }, { "x-api-key": credential.apiKey });
    case "certificate":
      return withEachCall(place, { certificateOf: profile.tenant }, { [TENANT_HEADER]: profile.tenant });
    case "session":
      return withTokens(place, { home, name }, profile);
  }
}

/** A profile's certificates go with its address; the environment's with the environment's. */
function tlsFor(address: string, profile: Profile | undefined, settings: Settings): Tls {
  const own: TlsFiles | undefined = profile?.address === address ? profile.tls : undefined;
  return readTls(Object.keys(settings.tls).length > 0 ? settings.tls : own);
}

function notSignedIn(message: string): AppError {
  return new AppError("UNAUTHENTICATED", message, { reason: "NOT_SIGNED_IN" });
}

type Place = { readonly address: string; readonly tls: Tls };
type Kept = { readonly home: string; readonly name: string };

/** What signs in by itself each time, and needs no renewal. */
function withEachCall(
  place: Place,
  credential: Pick<ConnectOptions, "apiKey" | "certificateOf">,
  metadata: Readonly<Record<string, string>>,
): Session {
  const mesh = connect({ ...place, ...credential });
  return {
    mesh,
    ...place,
    renew: async () => {},
    credentials: () => ({ metadata }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

async function withTokens(place: Place, kept: Kept, profile: Profile): Promise<Session> {
  const mesh = connect(place);
  let tokens = tokensOf(profile);
  async function renew(): Promise<void> {
    if (tokens.expiresAtMs - Date.now() < RENEW_MS) tokens = await refresh(mesh, kept, profile);
    mesh.setToken(tokens.accessToken);
  }
  try {
    await renew();
  } catch (error) {
    await mesh[Symbol.asyncDispose]();
    throw error;
  }
  return {
    mesh,
    ...place,
    renew,
    credentials: () => ({ token: tokens.accessToken }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

/**
 * A refresh token counts once: an old one ends the session. So the file is read again first, because another meshctl
 * may have traded it since; two at the same moment get the same successor from auth.
 */
async function refresh(mesh: MeshClient, { home, name }: Kept, profile: Profile): Promise<SessionTokens> {
  const current = tokensOf(readProfile(home, name) ?? profile);
  if (current.expiresAtMs - Date.now() >= RENEW_MS) return current;
  const startedAtMs = Date.now();
  const reply = await mesh.auth.refreshToken({ refreshToken: current.refreshToken });
  const credential = sessionOf(reply, startedAtMs);
  writeProfile(home, { ...profile, credential }, name);
  return credential;
}

function tokensOf({ credential }: Profile): SessionTokens {
  if (credential.kind === "session") return credential;
  throw new AppError("UNAUTHENTICATED", "the profile's session ended meanwhile; sign in again");
}
