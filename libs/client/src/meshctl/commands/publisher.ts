import { rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  accountOf,
  changePublishers,
  issue,
  limit,
  newPublisherKey,
  type Publisher,
  type PublisherKey,
  type PublisherName,
  type Publishers,
  publishersFileOf,
  revoke,
  rotate,
  type Which,
} from "@agentmesh/publishers";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import { localRoot, localTenant } from "../local-mesh.ts";
import { listPublishers, renderPublishers } from "../show-publishers.ts";
import { UsageError } from "../usage-error.ts";

export const publisher: Command = {
  usage: [
    "publisher [list]",
    "publisher issue NAME [--type TYPE …] [--out FILE]",
    "publisher rotate NAME [--out FILE]",
    "publisher revoke NAME [--old | --key KEY]",
    "publisher limit NAME [--type TYPE …]",
    "publisher render [--secret NAMESPACE/NAME]",
  ],
  about: `A publisher sends events into the mesh over NATS, as NAME of a tenant; NATS itself stamps both on whatever it sends.
It signs in with a key: the server holds the public half, and the seed is printed once, to whoever issues it. rotate adds
a second key; both are good until revoke --old ends the older one. revoke cuts connections off at once, and no others.

The file behind it is .agentmesh/nats/publishers.yaml of this checkout's mesh, or what --file or AGENTMESH_PUBLISHERS
names; nats-server includes the publishers.conf beside it. A mesh that runs on this machine reads a change at once; another
one needs a reload. Whoever may write these files may issue keys: it takes no sign-in.`,
  options: {
    tenant: { value: "TENANT", about: `Whose publisher; default ${localTenant}` },
    type: {
      short: "t",
      value: "TYPE",
      multiple: true,
      about: "It may publish only this: ticket.opened, or ticket.> for all under it",
    },
    out: { short: "o", value: "FILE", about: "Write the seed there, for its owner only; default standard output" },
    old: { about: "revoke: all but its newest key" },
    key: { value: "KEY", about: "revoke: this key, or the beginning of it, or password" },
    file: { short: "f", value: "FILE", about: "The publishers.yaml to work on" },
    secret: { value: "NAMESPACE/NAME", about: "render: print a Kubernetes Secret instead of writing publishers.conf" },
  },
  words: { min: 0, max: 2 },
  examples: [
    "publisher issue shop --type order.placed --out shop.nk",
    "publisher rotate shop --out shop-2.nk",
    "publisher revoke shop --old",
    "publisher render -f publishers.yaml --secret agentmesh-data/nats-publishers | kubectl apply -f -",
  ],
  async run(shell, args) {
    const [verb = "list", name] = args.words;
    const file = fileOf(shell, args);
    if (verb === "list") return listPublishers(shell.out, file);
    if (verb === "render") return renderPublishers(shell.out, file, args.text("secret"));
    const change = verbs[verb];
    if (!change) {
      throw new UsageError(`publisher ${verb}: expected list, ${Object.keys(verbs).join(", ")} or render`);
    }
    if (name === undefined) throw new UsageError("NAME is missing: which publisher?");
    await change(shell, args, file, nameOf(name, args));
    return 0;
  },
};

type Verb = (shell: Shell, args: Args, file: string, name: PublisherName) => Promise<void>;

const verbs: Readonly<Record<string, Verb>> = {
  issue: issueKey,
  rotate: rotateKey,
  revoke: revokeKeys,
  limit: setLimit,
};

function fileOf({ settings }: Shell, args: Args): string {
  const given = args.text("file");
  if (given !== undefined) return resolve(settings.folder, given);
  return settings.publishers === undefined
    ? publishersFileOf(localRoot)
    : resolve(settings.folder, settings.publishers);
}

/** `shop` of the tenant that is said, or `acme.shop` as the list writes it. */
function nameOf(text: string, args: Args): PublisherName {
  const [first = "", second, ...more] = text.split(".");
  const tenant = args.text("tenant");
  if (second === undefined) return { tenant: tenant ?? localTenant, publisher: first };
  if (more.length === 0 && (tenant === undefined || tenant === first)) return { tenant: first, publisher: second };
  throw new UsageError(`${text}: expected NAME, or TENANT.NAME`);
}

async function issueKey(shell: Shell, args: Args, file: string, name: PublisherName): Promise<void> {
  const types = [...args.texts("type")];
  const may = types.length === 0 ? "every type" : types.join(", ");
  const add = (before: Publishers, key: PublisherKey) => issue(before, { ...name, types }, key);
  await giveKey(shell, args, file, { name, add, what: `${accountOf(name)} may publish ${may}.` });
}

async function rotateKey(shell: Shell, args: Args, file: string, name: PublisherName): Promise<void> {
  const then = `${shell.settings.program} publisher revoke ${accountOf(name)} --old`;
  const what = `${accountOf(name)} has a second key, and both are good. When this one is in use: ${then}`;
  await giveKey(shell, args, file, { name, add: (before, key) => rotate(before, name, key), what });
}

type Giving = {
  readonly name: PublisherName;
  readonly add: (before: Publishers, key: PublisherKey) => Publisher[];
  readonly what: string;
};

/** Hands the seed over, once: into a file of its owner's, or to standard output. */
async function giveKey({ out, settings }: Shell, args: Args, file: string, { name, add, what }: Giving): Promise<void> {
  const { entry, seed } = newPublisherKey(new Date());
  const given = args.text("out");
  const path = given === undefined ? undefined : resolve(settings.folder, given);
  // First: a file that is there holds another key, perhaps the one in use, and a seed that cannot be kept is of no use.
  if (path !== undefined) writeNew(path, `${seed}\n`);
  const { server } = await changePublishers(file, (before) => {
    return { publishers: add(before, entry), result: undefined };
  }).catch((error: unknown) => {
    if (path !== undefined) rmSync(path, { force: true });
    throw error;
  });
  const answer = { publisher: accountOf(name), key: entry.key, server: server?.url ?? null };
  out.answer(given === undefined ? { ...answer, seed } : { ...answer, file: given }, () => {
    out.line(given === undefined ? seed : `${entry.key} is in ${given}.`);
    out.note(what);
    out.note(server === undefined ? unheard : `It connects to ${server.url}. The seed is kept nowhere else.`);
  });
}

async function revokeKeys({ out }: Shell, args: Args, file: string, name: PublisherName): Promise<void> {
  const key = args.text("key");
  const old = args.flag("old");
  if (key !== undefined && old) throw new UsageError("--old and --key say different things; give one of them");
  const which: Which = key !== undefined ? { key } : old ? "old" : "all";
  const { result: gone, server } = await changePublishers(file, (before) => {
    const { publishers, gone } = revoke(before, name, which);
    return { publishers, result: gone };
  });
  out.answer({ publisher: accountOf(name), revoked: gone, server: server?.url ?? null }, () => {
    out.line(`${accountOf(name)}: ${gone.join(", ")} ${gone.length > 1 ? "are" : "is"} revoked${since(server?.url)}.`);
  });
}

async function setLimit({ out }: Shell, args: Args, file: string, name: PublisherName): Promise<void> {
  const types = [...args.texts("type")];
  const { server } = await changePublishers(file, (before) => {
    return { publishers: limit(before, name, types), result: undefined };
  });
  const may = types.length === 0 ? "every type" : `${types.join(", ")} and nothing else`;
  out.answer({ publisher: accountOf(name), types, server: server?.url ?? null }, () => {
    out.line(`${accountOf(name)} may publish ${may}${since(server?.url)}.`);
  });
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new UsageError(`--out: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const unheard = "No nats-server on this machine reads this file: have yours reload (docs/publish-events.md).";

function since(url: string | undefined): string {
  return url === undefined ? `. ${unheard.slice(0, -1)}` : `, at ${url} since now`;
}
