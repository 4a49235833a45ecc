import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { TlsFiles } from "./profile.ts";

export type Settings = {
  /** Where the profile is: AGENTMESH_HOME, default ~/.config/agentmesh. */
  readonly home: string;
  /** AGENTMESH_ADDRESS: the gateway, instead of the profile's. */
  readonly address: string | undefined;
  /** AGENTMESH_API_KEY: signs each call in, instead of the profile's session. */
  readonly apiKey: string | undefined;
  /** `--profile`, AGENTMESH_PROFILE: which mesh; default what `profile use` chose. */
  readonly profile: string | undefined;
  /** AGENTMESH_CA_FILE, AGENTMESH_CERT_FILE, AGENTMESH_KEY_FILE: TLS for AGENTMESH_ADDRESS with AGENTMESH_API_KEY. */
  readonly tls: TlsFiles;
  /** AGENTMESH_PASSWORD: for `login` without a person. */
  readonly password: string | undefined;
  /** AGENTMESH_PUBLISHERS: the publishers.yaml of a mesh elsewhere, instead of that of this checkout's. */
  readonly publishers: string | undefined;
  readonly colour: boolean;
  /** Where relative paths start. */
  readonly folder: string;
  /** How a person called this program, for hints. */
  readonly program: string;
  /** For `${NAME}` in resource files. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Reads the environment. An empty variable counts as unset. */
export function readSettings(): Settings {
  const env = process.env;
  // npm changes to the folder of package.json and keeps the caller's in INIT_CWD.
  const throughNpm = env.npm_lifecycle_event === "meshctl";
  return {
    home: resolve(env.AGENTMESH_HOME || join(homedir(), ".config", "agentmesh")),
    address: env.AGENTMESH_ADDRESS || undefined,
    apiKey: env.AGENTMESH_API_KEY || undefined,
    profile: env.AGENTMESH_PROFILE || undefined,
    tls: {
      ...(env.AGENTMESH_CA_FILE && { caFile: resolve(env.AGENTMESH_CA_FILE) }),
      ...(env.AGENTMESH_CERT_FILE && { certFile: resolve(env.AGENTMESH_CERT_FILE) }),
      ...(env.AGENTMESH_KEY_FILE && { keyFile: resolve(env.AGENTMESH_KEY_FILE) }),
    },
    password: env.AGENTMESH_PASSWORD || undefined,
    publishers: env.AGENTMESH_PUBLISHERS || undefined,
    colour: Boolean(process.stdout.isTTY) && !env.NO_COLOR && env.TERM !== "dumb",
    folder: (throughNpm && env.INIT_CWD) || process.cwd(),
    program: throughNpm ? "npm run meshctl --" : "meshctl",
    env,
  };
}
