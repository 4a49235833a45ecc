// Everything secret that one mesh needs, made once and kept in <root>/secrets.json and, for services that read a file,
// under <root>/secrets/. All of it is 0600 in a 0700 folder.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { natsUsers } from "@agentmesh/nats";
import { shippedPublishers } from "@agentmesh/nats/shipped-publishers";
import { accountOf } from "@agentmesh/publishers";
import { writeAtomically } from "../processes/run-file.ts";
import { meshServices } from "../services.ts";
import { newWorkloadKey, trustBundle, type WorkloadKey } from "./workload-keys.ts";

type Stored = {
  readonly postgresPassword: string;
  readonly redisPassword: string;
  readonly adminPassword: string;
  /** 32 bytes, base64. */
  readonly masterKey: string;
  /** By service. */
  readonly rolePasswords: Readonly<Record<string, string>>;
  /** By NATS user: `admin`, each service, and the shipped publishers, which had one before there were keys. */
  readonly natsPasswords: Readonly<Record<string, string>>;
  readonly workloadKeys: Readonly<Record<string, WorkloadKey>>;
};

export type Secrets = Stored & {
  readonly masterKeyFile: string;
  /** Secrets of webhook triggers: files `<tenant>.<name>`, which whoever operates the mesh puts there. */
  readonly webhooksDir: string;
  readonly workloadTrustFile: string;
  workloadKeyFile(service: string): string;
};

/** Reads the secrets of a mesh, and makes what is missing: a new service gets its own, the rest stays. */
export function openSecrets(root: string): Secrets {
  const file = join(root, "secrets.json");
  const folder = join(root, "secrets");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const before = readStored(file);
  const stored = complete(before);
  if (JSON.stringify(stored) !== JSON.stringify(before)) writeAtomically(file, JSON.stringify(stored, undefined, 2));
  const keys = Object.values(stored.workloadKeys);
  const workloadKeyFile = (service: string) => join(folder, `${service}.key.json`);
  const masterKeyFile = join(folder, "master.key");
  const webhooksDir = join(folder, "webhooks");
  mkdirSync(webhooksDir, { recursive: true, mode: 0o700 });
  const workloadTrustFile = join(folder, "trust.json");
  for (const key of keys) writeAtomically(workloadKeyFile(key.kid), JSON.stringify(key));
  writeAtomically(workloadTrustFile, JSON.stringify(trustBundle(keys)));
  writeAtomically(masterKeyFile, stored.masterKey);
  return { ...stored, masterKeyFile, webhooksDir, workloadTrustFile, workloadKeyFile };
}

function complete(before: Partial<Stored>): Stored {
  return {
    postgresPassword: before.postgresPassword ?? newPassword(),
    redisPassword: before.redisPassword ?? newPassword(),
    adminPassword: before.adminPassword ?? newPassword(),
    masterKey: before.masterKey ?? randomBytes(32).toString("base64"),
    rolePasswords: fill(meshServices, before.rolePasswords, newPassword),
    natsPasswords: fill([...natsUsers(), ...shippedPublishers().map(accountOf)], before.natsPasswords, newPassword),
    workloadKeys: fill(meshServices, before.workloadKeys, newWorkloadKey),
  };
}

function fill<T>(
  names: readonly string[],
  before: Readonly<Record<string, T>> | undefined,
  make: (name: string) => T,
): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, before?.[name] ?? make(name)]));
}

/** 144 random bits that need no escaping in URLs, SQL or configuration files. */
function newPassword(): string {
  return randomBytes(18).toString("base64url");
}

function readStored(file: string): Partial<Stored> {
  try {
    const stored: Partial<Stored> = JSON.parse(readFileSync(file, "utf8"));
    return stored;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw new Error(`${file} cannot be read: repair it, or run \`npm run reset\` to begin anew`, { cause: error });
  }
}
