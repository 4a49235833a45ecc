import { AppError } from "@agentmesh/errors";
import { connect, type MeshClient } from "../connect.ts";
import type { Settings } from "./config.ts";
import { findLocalMesh } from "./local-mesh.ts";
import { type Profile, readProfile, type SessionTokens, sessionOf, writeProfile } from "./profile.ts";

export type Session = AsyncDisposable & {
  readonly mesh: MeshClient;
  readonly address: string;
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
  const profile = readProfile(settings.home);
  const address = settings.address ?? profile?.address ?? findLocalMesh()?.gatewayAddress;
  if (address && settings.apiKey) return withApiKey(address, settings.apiKey);
  if (!profile) throw notSignedIn("nobody is signed in");
  if (address !== profile.address) {
    throw notSignedIn(`the profile is for ${profile.address}, and AGENTMESH_ADDRESS says ${address}`);
  }
  const { credential } = profile;
  return credential.kind === "api-key" ? withApiKey(address, credential.apiKey) : withTokens(settings.home, profile);
}

function notSignedIn(message: string): AppError {
  return new AppError("UNAUTHENTICATED", message, { reason: "NOT_SIGNED_IN" });
}

function withApiKey(address: string, apiKey: string): Session {
  const mesh = connect({ address, apiKey });
  return {
    mesh,
    address,
    renew: async () => {},
    credentials: () => ({ metadata: { "x-api-key": apiKey } }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

async function withTokens(home: string, profile: Profile): Promise<Session> {
  const { address } = profile;
  const mesh = connect({ address });
  let tokens = tokensOf(profile);
  async function renew(): Promise<void> {
    if (tokens.expiresAtMs - Date.now() < RENEW_MS) tokens = await refresh(mesh, home, profile);
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
    address,
    renew,
    credentials: () => ({ token: tokens.accessToken }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}

/**
 * A refresh token counts once: an old one ends the session. So the file is read again first, because another meshctl
 * may have traded it since; two at the same moment get the same successor from auth.
 */
async function refresh(mesh: MeshClient, home: string, profile: Profile): Promise<SessionTokens> {
  const current = tokensOf(readProfile(home) ?? profile);
  if (current.expiresAtMs - Date.now() >= RENEW_MS) return current;
  const startedAtMs = Date.now();
  const reply = await mesh.auth.refreshToken({ refreshToken: current.refreshToken });
  const credential = sessionOf(reply, startedAtMs);
  writeProfile(home, { ...profile, credential });
  return credential;
}

function tokensOf({ credential }: Profile): SessionTokens {
  if (credential.kind === "session") return credential;
  throw new AppError("UNAUTHENTICATED", "the profile changed to an API key meanwhile; try again");
}
