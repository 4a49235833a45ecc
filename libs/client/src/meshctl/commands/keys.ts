import { ApiKey, CreateApiKeyReply, ListApiKeysReply } from "@agentmesh/proto/auth";
import type { Args } from "../args.ts";
import type { Command, Shell } from "../command.ts";
import { shortSubject } from "../subject.ts";
import { type Cell, printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";

const DAY_S = 86_400;

export const keys: Command = {
  usage: ["keys", "keys create NAME [--user USER] [--scope SCOPE …] [--days N]", "keys rotate ID", "keys revoke ID"],
  about:
    "The secret of a new key goes to standard output, once. A rotated key stays good for an hour beside its successor.",
  options: {
    user: { short: "u", value: "USER", about: "Whose key; default yours" },
    scope: { value: "SCOPE", multiple: true, about: "Narrow the key to this; default all its owner may do" },
    days: { value: "N", about: "Until it ends; default it does not" },
  },
  words: { min: 0, max: 2 },
  examples: [
    "keys create ci --scope agent:execute --days 90",
    "keys create helpdesk --scope 'agent:execute on agent/support-*'",
  ],
  async run(shell, args) {
    const [verb, subject] = args.words;
    if (verb === undefined || verb === "list") return list(shell);
    if (verb !== "create" && verb !== "revoke" && verb !== "rotate")
      throw new UsageError(`keys ${verb}: expected list, create, rotate or revoke`);
    if (subject === undefined)
      throw new UsageError(
        verb === "create" ? "NAME is missing: what is the key called?" : "ID is missing: which key?",
      );
    if (verb === "rotate") return rotate(shell, subject);
    return verb === "create" ? create(shell, args, subject) : revoke(shell, subject);
  },
};

async function list({ out, session }: Shell): Promise<number> {
  const { mesh } = await session();
  const reply = await mesh.auth.listApiKeys({});
  const now = new Date();
  const rows = reply.keys.map((key) => [
    key.id,
    key.name,
    `${key.prefix}…`,
    shortSubject(key.subject),
    stateOf(key, now),
    when(key.createdAt, now),
    when(key.lastUsedAt, now) || "never",
    when(key.expiresAt, now) || "never",
    key.scopes.join(" ") || "all",
  ]);
  const headings = ["ID", "NAME", "KEY", "OWNER", "STATE", "CREATED", "USED", "ENDS", "SCOPES"];
  out.answer(ListApiKeysReply.toJSON(reply), () => printTable(out, headings, rows, "no API keys"));
  return 0;
}

function stateOf(key: ApiKey, now: Date): Cell {
  if (key.revoked) return { text: "revoked", style: "dim" };
  return key.expiresAt && key.expiresAt <= now ? { text: "ended", style: "dim" } : { text: "valid", style: "green" };
}

async function create({ out, session }: Shell, args: Args, name: string): Promise<number> {
  const days = args.number("days");
  const { mesh } = await session();
  const reply = await mesh.auth.createApiKey({
    name,
    username: args.text("user") ?? "",
    scopes: [...args.texts("scope")],
    ttlS: (days ?? 0) * DAY_S,
  });
  out.answer(CreateApiKeyReply.toJSON(reply), () => {
    out.line(reply.secret);
    out.note(`${name} is ${reply.key?.id ?? "made"}; this secret is shown only now.`);
  });
  return 0;
}

async function revoke({ out, session }: Shell, id: string): Promise<number> {
  const { mesh } = await session();
  const key = await mesh.auth.revokeApiKey({ id });
  out.answer(ApiKey.toJSON(key), () => out.line(`${key.name || key.id} is revoked, on every replica.`));
  return 0;
}

async function rotate({ out, session }: Shell, id: string): Promise<number> {
  const { mesh } = await session();
  const reply = await mesh.auth.rotateApiKey({ id });
  out.answer(CreateApiKeyReply.toJSON(reply), () => {
    out.line(reply.secret);
    out.note(`${reply.key?.name ?? "the key"} is now ${reply.key?.id ?? "new"}; the old one ends within an hour.`);
  });
  return 0;
}
