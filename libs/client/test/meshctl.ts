// meshctl as people and scripts run it: a process with its own home.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Profile, writeProfile } from "../src/meshctl/profile.ts";
import { inherited } from "./config.ts";

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

export type Meshctl = Disposable & {
  readonly home: string;
  (...args: string[]): Promise<Ran>;
  /** With standard input, or more environment. */
  with(options: Options, ...args: string[]): Promise<Ran>;
};

export type Options = {
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** Called with all that was said on standard error so far, whenever it grew; `type` writes a line and ends the input. */
  readonly converse?: (said: string, type: (line: string) => void) => void;
};

const main = fileURLToPath(new URL("../src/meshctl/main.ts", import.meta.url));

export function meshctl(): Meshctl {
  const home = mkdtempSync(join(tmpdir(), "meshctl-test-"));
  const run = (...args: string[]) => start(home, {}, args);
  return Object.assign(run, {
    home,
    with: (options: Options, ...args: string[]) => start(home, options, args),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  });
}

/** As a sign-in a while ago would have left it. */
export function signedIn(home: string, address: string, session: { expiresInMs?: number } = {}): void {
  const profile: Profile = {
    address,
    tenant: "acme",
    username: "ada",
    credential: {
      kind: "session",
      accessToken: "access-1",
      refreshToken: "refresh-1",
      expiresAtMs: Date.now() + (session.expiresInMs ?? 600_000),
    },
  };
  writeProfile(home, profile);
}

function start(home: string, options: Options, args: readonly string[]) {
  const env = { ...inherited(), AGENTMESH_HOME: home, ...options.env };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: "pipe", timeout: 60_000 });
  const chunks = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    chunks.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    chunks.err += text;
    options.converse?.(chunks.err, (line) => void child.stdin.end(`${line}\n`));
  });
  if (!options.converse) child.stdin.end(options.input ?? "");
  return new Promise<Ran>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? 1, ...chunks, ...(signal && { err: signal }) }));
  });
}
