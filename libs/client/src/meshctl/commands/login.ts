import { isAppError } from "@agentmesh/errors";
import { UserContext } from "@agentmesh/proto/auth";
import { connect } from "../../connect.ts";
import type { Args } from "../args.ts";
import { ask, firstLine, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { findLocalMesh, localAdministrator, localTenant } from "../local-mesh.ts";
import {
  defaultProfile,
  type Profile,
  profileFile,
  profileName,
  readProfile,
  sessionOf,
  type TlsFiles,
  writeProfile,
} from "../profile.ts";
import { readText } from "../read-input.ts";
import { signInWithBrowser } from "../sign-in-with-browser.ts";
import { readTls, tlsFilesOf, tlsOptions } from "../tls.ts";
import { UsageError } from "../usage-error.ts";

export const login: Command = {
  usage: [
    "login",
    "login --address ADDRESS --tenant TENANT --username USER",
    "login --address ADDRESS --tenant TENANT --browser PROVIDER",
    "login --address ADDRESS --api-key -",
    "login --address https://… --tenant TENANT --certificate --cert FILE --key FILE",
  ],
  about: `Without options it signs in to the mesh that \`npm start\` runs in this checkout, as its administrator.
The password is taken from AGENTMESH_PASSWORD, from standard input, or asked for. The session is renewed by itself.
With --profile NAME the session is kept under that name, beside others (\`help profile\`). AGENTMESH_HOME says where
profiles are kept (default ~/.config/agentmesh). For a script without a profile, set AGENTMESH_ADDRESS and
AGENTMESH_API_KEY instead of signing in, and AGENTMESH_CA_FILE where the address is https.`,
  options: {
    address: { value: "ADDRESS", about: "The gateway's gRPC address: host:port, or https://host[:port] for TLS" },
    tenant: { value: "TENANT", about: "Whose mesh" },
    username: { short: "u", value: "USER", about: "Who you are" },
    directory: { value: "PROVIDER", about: "The company's directory (LDAP) that judges the password" },
    browser: { value: "PROVIDER", about: "Sign in with a browser at the company's identity provider (OIDC)" },
    code: { value: "CODE", about: "Of the second factor; default it is asked for where one is needed" },
    "api-key": { value: "-|@FILE", about: "Sign in with an API key instead, from standard input or from a file" },
    certificate: { about: "Sign in with your certificate (--cert, --key) and nothing else" },
    ...tlsOptions,
  },
  examples: [
    "login",
    "login --profile prod --address https://mesh.example.com --tenant acme --username ada",
    "login --api-key - < key.txt",
  ],
  async run(shell, args) {
    const { out, settings } = shell;
    const place = placeOf(shell, args);
    const apiKey = args.text("api-key");
    const profile = args.flag("certificate")
      ? withCertificate(args, place)
      : apiKey === undefined
        ? await withPerson(shell, args, place)
        : await withKey(place, await readKey(shell, apiKey));
    const who = await identify(profile);
    writeProfile(settings.home, { ...profile, tenant: who.tenant, username: who.username }, place.name);
    out.answer({ address: profile.address, ...toObject(UserContext.toJSON(who)) }, () => {
      const name = who.username || who.subject;
      const roles = who.roles.join(", ") || "no role";
      out.line(`Signed in to ${profile.address} as ${out.paint("bold", name)} of ${who.tenant} (${roles}).`);
      out.note(out.paint("dim", `kept in ${profileFile(settings.home, place.name)}`));
      if (place.name !== profileName({ ...settings, profile: undefined })) {
        out.note(
          `used with --profile ${place.name}, or from now on with: ${settings.program} profile use ${place.name}`,
        );
      }
    });
    return 0;
  },
};

type Place = {
  /** Of the profile. */
  readonly name: string;
  readonly address: string;
  readonly tls?: TlsFiles;
  /** The mesh of this checkout. */
  readonly local: boolean;
  /** What the profile knew before. */
  readonly tenant: string | undefined;
};

function placeOf({ settings }: Shell, args: Args): Place {
  const local = findLocalMesh();
  const name = profileName(settings);
  const before = readProfileOrNone(settings.home, name);
  const known = name === defaultProfile ? (local?.gatewayAddress ?? before?.address) : before?.address;
  const address = args.text("address") ?? settings.address ?? known ?? local?.gatewayAddress;
  if (address === undefined) {
    throw new UsageError(
      "no mesh runs in this checkout: say which with --address HOST:PORT, or bring one up with npm start",
    );
  }
  // Certificates and tenant belong to an address: another one has its own.
  const same = before?.address === address ? before : undefined;
  const fromEnvironment = Object.keys(settings.tls).length > 0 ? settings.tls : undefined;
  const tls = tlsFilesOf(args, settings) ?? fromEnvironment ?? same?.tls;
  return { name, address, ...(tls && { tls }), local: address === local?.gatewayAddress, tenant: same?.tenant };
}

/** A profile that cannot be read is about to be written anew. */
function readProfileOrNone(home: string, name: string): Profile | undefined {
  try {
    return readProfile(home, name);
  } catch {
    return undefined;
  }
}

/** Never an argument: those are seen by everybody on the machine, and kept by the shell. */
async function readKey({ settings, signal }: Shell, argument: string): Promise<string> {
  if (argument !== "-" && !argument.startsWith("@")) {
    throw new UsageError("--api-key: a key in a command line is no secret; give - and pipe it in, or @FILE");
  }
  if (argument === "-" && isTerminal()) return ask("API key: ", { secret: true, signal });
  return argument === "-" ? firstLine() : readText(argument, settings);
}

async function withKey({ address, tls }: Place, apiKey: string): Promise<Profile> {
  if (apiKey.trim() === "") throw new UsageError("the API key is empty");
  const credential = { kind: "api-key" as const, apiKey: apiKey.trim() };
  return { address, tenant: "", username: "", ...(tls && { tls }), credential };
}

function withCertificate(args: Args, { address, tls, tenant }: Place): Profile {
  const own = args.text("tenant") ?? tenant;
  if (!own) throw new UsageError("--tenant is missing: whose mesh is it?");
  if (tls?.certFile === undefined) throw new UsageError("--cert and --key are missing: which certificate?");
  return { address, tenant: own, username: "", tls, credential: { kind: "certificate" } };
}

async function withPerson(shell: Shell, args: Args, place: Place): Promise<Profile> {
  const { address, tls, local } = place;
  const tenant = args.text("tenant") ?? (local ? localTenant : place.tenant || undefined);
  if (tenant === undefined) throw new UsageError("--tenant is missing: whose mesh is it?");
  const provider = args.text("browser");
  if (provider === undefined) return withPassword(shell, args, place, tenant);
  await using mesh = connect({ address, tls: readTls(tls) });
  const startedAtMs = Date.now();
  const credential = sessionOf(await signInWithBrowser(mesh, { tenant, provider }, shell), startedAtMs);
  return { address, tenant, username: "", ...(tls && { tls }), credential };
}

async function withPassword(shell: Shell, args: Args, place: Place, tenant: string): Promise<Profile> {
  const { address, tls, local } = place;
  const username = args.text("username") ?? (local ? localAdministrator : await askName(shell));
  const password = await passwordOf(
    shell,
    local && username === localAdministrator,
    `password of ${username} at ${address}: `,
  );
  await using mesh = connect({ address, tls: readTls(tls) });
  const startedAtMs = Date.now();
  const request = { tenant, username, password, provider: args.text("directory") ?? "", code: args.text("code") ?? "" };
  const { signal } = shell;
  const reply = await mesh.auth.signIn(request, { signal }).catch(async (error: unknown) => {
    if (!isAppError(error) || error.reason !== "SECOND_FACTOR_REQUIRED" || !isTerminal()) throw error;
    const code = await ask("code of your authenticator app: ", { secret: false, signal });
    return mesh.auth.signIn({ ...request, code: code.trim() }, { signal });
  });
  return { address, tenant, username, ...(tls && { tls }), credential: sessionOf(reply, startedAtMs) };
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
async function identify({ address, tls, tenant, credential }: Profile): Promise<UserContext> {
  await using mesh = connect({
    address,
    tls: readTls(tls),
    ...(credential.kind === "api-key" && { apiKey: credential.apiKey }),
    ...(credential.kind === "session" && { token: credential.accessToken }),
    ...(credential.kind === "certificate" && { certificateOf: tenant }),
  });
  return await mesh.auth.whoAmI({});
}

function toObject(json: unknown): object {
  return typeof json === "object" && json !== null ? json : {};
}
