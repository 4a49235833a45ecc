import { readGatewayAddress } from "../../gateway-address.ts";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import {
  checkName,
  defaultProfile,
  needProfile,
  type Profile,
  profileName,
  profileNames,
  readProfile,
  removeProfile,
  useProfile,
  writeProfile,
} from "../profile.ts";
import { printTable } from "../table.ts";
import { readTls, tlsFilesOf, tlsOptions } from "../tls.ts";
import { UsageError } from "../usage-error.ts";

export const profile: Command = {
  usage: [
    "profile [list]",
    "profile add NAME --address ADDRESS [--tenant TENANT] [--ca FILE] [--cert FILE --key FILE]",
    "profile use NAME",
    "profile remove NAME",
  ],
  about: `A profile is a mesh and who you are there: address, tenant, certificates and session. The one in use is what \`profile
use\` chose, unless --profile or AGENTMESH_PROFILE names another. \`login --profile NAME\` signs in with one.`,
  options: {
    address: { value: "ADDRESS", about: "The gateway's gRPC address: host:port, or https://host[:port] for TLS" },
    tenant: { value: "TENANT", about: "Whose mesh" },
    ...tlsOptions,
  },
  words: { min: 0, max: 2 },
  examples: [
    "profile add prod --address https://mesh.example.com --tenant acme --ca company-ca.pem",
    "login --profile prod --username ada",
    "profile use prod",
    "runs --profile default",
  ],
  async run(shell, args) {
    const [verb = "list", name] = args.words;
    if (verb === "list") return list(shell);
    if (verb !== "add" && verb !== "use" && verb !== "remove") {
      throw new UsageError(`profile ${verb}: expected list, add, use or remove`);
    }
    if (name === undefined) throw new UsageError("NAME is missing: which profile?");
    checkName(name);
    if (verb === "add") return add(shell, args, name);
    return verb === "use" ? use(shell, name) : remove(shell, name);
  },
};

function list({ out, settings }: Shell): number {
  const current = profileName(settings);
  const names = profileNames(settings.home);
  const profiles = names.map((name) => ({ name, ...needProfile(settings.home, name) }));
  const shown = profiles.map(({ credential, ...rest }) => {
    return { ...rest, current: rest.name === current, signedIn: credential.kind };
  });
  const rows = profiles.map(({ name, address, tenant, username, tls, credential }) => [
    name === current ? "*" : "",
    name,
    address,
    tenant,
    credential.kind === "none" ? { text: "not signed in", style: "dim" as const } : username || "an API key",
    [tls?.caFile && "own CA", tls?.certFile && "own certificate"].filter(Boolean).join(", "),
  ]);
  out.answer({ profiles: shown }, () =>
    printTable(
      out,
      ["", "PROFILE", "ADDRESS", "TENANT", "SIGNED IN AS", "TLS"],
      rows,
      "no profiles; sign in with: login",
    ),
  );
  return 0;
}

function add({ out, settings }: Shell, args: Args, name: string): number {
  const address = args.text("address");
  if (address === undefined) throw new UsageError("--address is missing: where is the mesh?");
  if (readProfile(settings.home, name)) {
    throw new UsageError(`there is a profile ${name}; remove it first, or change it with login --profile ${name}`);
  }
  const tls = tlsFilesOf(args, settings);
  // What could never connect is said now.
  readGatewayAddress(address, readTls(tls));
  const tenant = args.text("tenant") ?? "";
  const fresh: Profile = { address, tenant, username: "", ...(tls && { tls }), credential: { kind: "none" } };
  writeProfile(settings.home, fresh, name);
  out.answer({ name, address, tenant }, () => {
    out.line(`${name} is ${address}.`);
    out.note(`sign in with: ${settings.program} login --profile ${name}`);
  });
  return 0;
}

function use({ out, settings }: Shell, name: string): number {
  const { address } = needProfile(settings.home, name);
  useProfile(settings.home, name);
  out.answer({ name, address }, () => out.line(`${name} (${address}) is in use.`));
  return 0;
}

function remove({ out, settings }: Shell, name: string): number {
  const { address, credential } = needProfile(settings.home, name);
  removeProfile(settings.home, name);
  if (profileName({ home: settings.home, profile: undefined }) === name) useProfile(settings.home, defaultProfile);
  out.answer({ name, address }, () => {
    out.line(`${name} (${address}) is forgotten.`);
    if (credential.kind === "session")
      out.note("Its session there ends by itself; logout would have ended it at once.");
  });
  return 0;
}
