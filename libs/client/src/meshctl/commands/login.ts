import { isAppError } from "@agentmesh/errors";
import { UserContext } from "@agentmesh/proto/auth";
import { connect } from "../../connect.ts";
import type { Args } from "../args.ts";
import { ask, firstLine, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { findLocalMesh, localAdministrator, localTenant } from "../local-mesh.ts";
import { type Profile, profileFile, readProfile, sessionOf, writeProfile } from "../profile.ts";
import { signInWithBrowser } from "../sign-in-with-browser.ts";
import { UsageError } from "../usage-error.ts";

export const login: Command = {
  usage: [
    "login",
    "login --address HOST:PORT --tenant TENANT --username USER",
    "login --address HOST:PORT --tenant TENANT --browser PROVIDER",
    "login --address HOST:PORT --api-key KEY",
  ],
  about: `Without options it signs in to the mesh that \`npm start\` runs in this checkout, as its administrator.
The password is taken from AGENTMESH_PASSWORD, from standard input, or asked for. The session is renewed by itself.
AGENTMESH_HOME says where the profile is kept (default ~/.config/agentmesh). For a script without a profile, set
AGENTMESH_ADDRESS and AGENTMESH_API_KEY instead of signing in.`,
  options: {
    address: { value: "HOST:PORT", about: "The gateway's gRPC address" },
    tenant: { value: "TENANT", about: "Whose mesh" },
    username: { short: "u", value: "USER", about: "Who you are" },
    directory: { value: "PROVIDER", about: "The company's directory (LDAP) that judges the password" },
    browser: { value: "PROVIDER", about: "Sign in with a browser at the company's identity provider (OIDC)" },
    code: { value: "CODE", about: "Of the second factor; default it is asked for where one is needed" },
    "api-key": { value: "KEY", about: 'Sign in with an API key instead; "-" reads it from standard input' },
  },
  examples: [
    "login",
    "login --address mesh.example.com:7100 --tenant acme --username ada",
    "login --api-key - < key.txt",
  ],
  async run(shell, args) {
    const { out, settings } = shell;
    const place = placeOf(shell, args);
    const apiKey = args.text("api-key");
    const profile =
      apiKey === undefined
        ? await withPerson(shell, args, place)
        : await withKey(place.address, apiKey === "-" ? await firstLine() : apiKey);
    const who = await identify(profile);
    writeProfile(settings.home, { ...profile, tenant: who.tenant, username: who.username });
    out.answer({ address: profile.address, ...toObject(UserContext.toJSON(who)) }, () => {
      const name = who.username || who.subject;
      const roles = who.roles.join(", ") || "no role";
      out.line(`Signed in to ${profile.address} as ${out.paint("bold", name)} of ${who.tenant} (${roles}).`);
      out.note(out.paint("dim", `kept in ${profileFile(settings.home)}`));
    });
    return 0;
  },
};

type Place = { readonly address: string; readonly local: boolean };

function placeOf({ settings }: Shell, args: Args): Place {
  const local = findLocalMesh();
  const before = readProfileOrNone(settings.home);
  const address = args.text("address") ?? settings.address ?? local?.gatewayAddress ?? before?.address;
  if (address === undefined) {
    throw new UsageError(
      "no mesh runs in this checkout: say which with --address HOST:PORT, or bring one up with npm start",
    );
  }
  return { address, local: address === local?.gatewayAddress };
}

/** A profile that cannot be read is about to be written anew. */
function readProfileOrNone(home: string): Profile | undefined {
  try {
    return readProfile(home);
  } catch {
    return undefined;
  }
}

async function withKey(address: string, apiKey: string): Promise<Profile> {
  if (apiKey.trim() === "") throw new UsageError("the API key is empty");
  return { address, tenant: "", username: "", credential: { kind: "api-key", apiKey: apiKey.trim() } };
}

async function withPerson(shell: Shell, args: Args, { address, local }: Place): Promise<Profile> {
  const tenant = args.text("tenant") ?? (local ? localTenant : undefined);
  if (tenant === undefined) throw new UsageError("--tenant is missing: whose mesh is it?");
  const provider = args.text("browser");
  if (provider === undefined) return withPassword(shell, args, { address, local }, tenant);
  await using mesh = connect({ address });
  const startedAtMs = Date.now();
  const credential = sessionOf(await signInWithBrowser(mesh, { tenant, provider }, shell), startedAtMs);
  return { address, tenant, username: "", credential };
}

async function withPassword(shell: Shell, args: Args, { address, local }: Place, tenant: string): Promise<Profile> {
  const username = args.text("username") ?? (local ? localAdministrator : await askName(shell));
  const password = await passwordOf(
    shell,
    local && username === localAdministrator,
    `password of ${username} at ${address}: `,
  );
  await using mesh = connect({ address });
  const startedAtMs = Date.now();
  const request = { tenant, username, password, provider: args.text("directory") ?? "", code: args.text("code") ?? "" };
  const { signal } = shell;
  const reply = await mesh.auth.signIn(request, { signal }).catch(async (error: unknown) => {
    if (!isAppError(error) || error.reason !== "SECOND_FACTOR_REQUIRED" || !isTerminal()) throw error;
    const code = await ask("code of your authenticator app: ", { secret: false, signal });
    return mesh.auth.signIn({ ...request, code: code.trim() }, { signal });
  });
  return { address, tenant, username, credential: sessionOf(reply, startedAtMs) };
}

async function askName({ signal }: Shell): Promise<string> {
  if (!isTerminal()) throw new UsageError("--username is missing");
  return (await ask("user name: ", { secret: false, signal })).trim();
}

async function passwordOf({ settings, signal }: Shell, ownMesh: boolean, prompt: string): Promise<string> {
  if (settings.password !== undefined) return settings.password;
  const known = ownMesh ? findLocalMesh()?.password : undefined;
  if (known !== undefined) return known;
  const password = isTerminal() ? await ask(prompt, { secret: true, signal }) : await firstLine();
  if (password === "") throw new UsageError("no password: type it, pipe it in, or set AGENTMESH_PASSWORD");
  return password;
}

/** Asks the mesh who that is, so that a profile that was written works. */
async function identify({ address, credential }: Profile): Promise<UserContext> {
  await using mesh = connect(
    credential.kind === "api-key" ? { address, apiKey: credential.apiKey } : { address, token: credential.accessToken },
  );
  return await mesh.auth.whoAmI({});
}

function toObject(json: unknown): object {
  return typeof json === "object" && json !== null ? json : {};
}
