import { homedir } from "node:os";
import { join, resolve } from "node:path";

export type Settings = {
  /** Where the profile is: AGENTMESH_HOME, default ~/.config/agentmesh. */
  readonly home: string;
  /** AGENTMESH_ADDRESS: the gateway, instead of the profile's. */
  readonly address: string | undefined;
  /** AGENTMESH_API_KEY: signs each call in, instead of the profile's session. */
  readonly apiKey: string | undefined;
  /** AGENTMESH_PASSWORD: for `login` without a person. */
  readonly password: string | undefined;
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
    password: env.AGENTMESH_PASSWORD || undefined,
    colour: Boolean(process.stdout.isTTY) && !env.NO_COLOR && env.TERM !== "dumb",
    folder: (throughNpm && env.INIT_CWD) || process.cwd(),
    program: throughNpm ? "npm run meshctl --" : "meshctl",
    env,
  };
}
