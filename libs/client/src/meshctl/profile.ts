// Who is signed in where: one file that only its owner may read.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@agentmesh/errors";
import type { TokenReply } from "@agentmesh/proto/auth";

export type Profile = {
  /** The gateway's gRPC address, `host:port[,host:port]`. */
  readonly address: string;
  readonly tenant: string;
  readonly username: string;
  readonly credential: SessionTokens | { readonly kind: "api-key"; readonly apiKey: string };
};

export type SessionTokens = {
  readonly kind: "session";
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this machine's clock, milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/** The tokens of a reply, as they are kept. @param askedAtMs when they were asked for, by this machine's clock */
export function sessionOf(reply: TokenReply, askedAtMs: number): SessionTokens {
  const { accessToken, refreshToken, expiresInS } = reply;
  return { kind: "session", accessToken, refreshToken, expiresAtMs: askedAtMs + expiresInS * 1000 };
}

export function profileFile(home: string): string {
  return join(home, "profile.json");
}

/** @throws AppError FAILED_PRECONDITION when the file is there and cannot be used */
export function readProfile(home: string): Profile | undefined {
  const file = profileFile(home);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw unusable(file, cause);
  }
  try {
    const profile: Profile = JSON.parse(text);
    if (typeof profile.address === "string" && typeof profile.credential?.kind === "string") return profile;
  } catch (cause) {
    throw unusable(file, cause);
  }
  throw unusable(file, undefined);
}

/** Written in one go and 0600 from its first byte. */
export function writeProfile(home: string, profile: Profile): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const file = profileFile(home);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(profile, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

export function removeProfile(home: string): void {
  rmSync(profileFile(home), { force: true });
}

function unusable(file: string, cause: unknown): AppError {
  return new AppError("FAILED_PRECONDITION", `the profile ${file} cannot be read; remove it and sign in again`, {
    reason: "BAD_PROFILE",
    cause,
  });
}
