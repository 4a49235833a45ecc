// Who is signed in where: one file a mesh, which only its owner may read. `default` is <home>/profile.json, the others are
// <home>/profiles/NAME.json, and <home>/current names the one in use.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "@agentmesh/errors";
import type { TokenReply } from "@agentmesh/proto/auth";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

export type Profile = {
  /** The gateway's gRPC address, `host:port[,host:port]`, or `https://host[:port]` for TLS. */
  readonly address: string;
  readonly tenant: string;
  readonly username: string;
  readonly tls?: TlsFiles;
  readonly credential:
    | SessionTokens
    | { readonly kind: "api-key"; readonly apiKey: string }
    /** The one of `tls`, with every call. */
    | { readonly kind: "certificate" }
    | { readonly kind: "none" };
};

/** Absolute paths of PEM files, read at each start. */
export type TlsFiles = {
  /** Who signed the gateway's certificate; default the authorities that Node knows. */
  readonly caFile?: string;
  /** Our own certificate and key, for a gateway that asks for one. */
  readonly certFile?: string;
  readonly keyFile?: string;
};

export type SessionTokens = {
  readonly kind: "session";
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this machine's clock, milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/** The profile that there is without naming any. */
export const defaultProfile = "default";
const nameForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The tokens of a reply, as they are kept. @param askedAtMs when they were asked for, by this machine's clock */
export function sessionOf(reply: TokenReply, askedAtMs: number): SessionTokens {
  const { accessToken, refreshToken, expiresInS } = reply;
  return { kind: "session", accessToken, refreshToken, expiresAtMs: askedAtMs + expiresInS * 1000 };
}

export function profileFile(home: string, name = defaultProfile): string {
  return name === defaultProfile ? join(home, "profile.json") : join(home, "profiles", `${checkName(name)}.json`);
}

/** @throws UsageError for what could not be the name of a file */
export function checkName(name: string): string {
  if (nameForm.test(name)) return name;
  throw new UsageError(`the profile ${JSON.stringify(name)}: expected letters, digits, - and _, at most 63`);
}

/** The name in use: that of `--profile` or AGENTMESH_PROFILE, else what `profile use` chose. */
export function profileName(settings: { readonly home: string; readonly profile: string | undefined }): string {
  return settings.profile ?? (readText(join(settings.home, "current"))?.trim() || defaultProfile);
}

/** From now on this one is used where none is named. */
export function useProfile(home: string, name: string): void {
  writePrivately(join(home, "current"), `${name}\n`);
}

/** All of them, in alphabetical order. */
export function profileNames(home: string): string[] {
  const others = readFolder(join(home, "profiles")).flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
  const first = readText(profileFile(home)) === undefined ? [] : [defaultProfile];
  return [...first, ...others.filter((name) => nameForm.test(name))].sort();
}

/** @throws AppError FAILED_PRECONDITION when the file is there and cannot be used */
export function readProfile(home: string, name = defaultProfile): Profile | undefined {
  const file = profileFile(home, name);
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    const profile: Profile = JSON.parse(text);
    if (typeof profile.address === "string" && typeof profile.credential?.kind === "string") return profile;
  } catch (cause) {
    throw unusable(file, cause);
  }
  throw unusable(file, undefined);
}

/** @throws UsageError naming what there is */
export function needProfile(home: string, name: string): Profile {
  const profile = readProfile(home, name);
  if (profile) return profile;
  const names = profileNames(home);
  throw new UsageError(
    `there is no profile ${JSON.stringify(name)}; there are: ${names.join(", ") || "none"}.${didYouMean(name, names)}`,
  );
}

/** Written in one go and 0600 from its first byte. */
export function writeProfile(home: string, profile: Profile, name = defaultProfile): void {
  writePrivately(profileFile(home, name), `${JSON.stringify(profile, undefined, 2)}\n`);
}

export function removeProfile(home: string, name = defaultProfile): void {
  rmSync(profileFile(home, name), { force: true });
}

function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw unusable(file, cause);
  }
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw unusable(folder, cause);
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function unusable(file: string, cause: unknown): AppError {
  return new AppError("FAILED_PRECONDITION", `the profile ${file} cannot be read; remove it and sign in again`, {
    reason: "BAD_PROFILE",
    cause,
  });
}
