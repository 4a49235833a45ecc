import { ListUsersReply, User } from "@agentmesh/proto/auth";
import type { Args } from "../args.ts";
import { ask, firstLine, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";

export const users: Command = {
  usage: ["users", "users create NAME --role ROLE …", "users disable NAME"],
  about:
    "A new user's password is asked for, or read from standard input. Service accounts are resources: apply a ServiceAccount.",
  options: {
    role: { short: "r", value: "ROLE", multiple: true, about: "What the user may do" },
    department: { value: "NAME", about: "Where the user's cost goes" },
    email: { value: "ADDRESS", about: "The user's address" },
    name: { value: "NAME", about: "The name to show" },
    limit: limitOption,
  },
  words: { min: 0, max: 2 },
  examples: ["users create ada --role operator --department support"],
  async run(shell, args) {
    const [verb, username] = args.words;
    if (verb === undefined || verb === "list") return list(shell, args);
    if (verb !== "create" && verb !== "disable")
      throw new UsageError(`users ${verb}: expected list, create or disable`);
    if (username === undefined) throw new UsageError("NAME is missing: which user?");
    return verb === "create" ? create(shell, args, username) : disable(shell, username);
  },
};

async function list({ out, session }: Shell, args: Args): Promise<number> {
  const limit = limitOf(args);
  const { mesh } = await session();
  const found = await firstRows(limit, async (page) => {
    const reply = await mesh.auth.listUsers(page);
    return { rows: reply.users, next: reply.nextPageToken };
  });
  const now = new Date();
  const rows = found.map((user) => [
    user.username,
    user.displayName,
    user.disabled ? { text: "disabled", style: "dim" as const } : user.serviceAccount ? "service" : "user",
    user.department,
    user.roles.join(", "),
    when(user.createdAt, now),
    user.subject,
  ]);
  const headings = ["USER", "NAME", "IS A", "DEPARTMENT", "ROLES", "CREATED", "SUBJECT"];
  out.answer(ListUsersReply.toJSON({ users: found, nextPageToken: "" }), () =>
    printTable(out, headings, rows, "no users"),
  );
  return 0;
}

async function create({ out, session, signal }: Shell, args: Args, username: string): Promise<number> {
  const { mesh } = await session();
  const password = isTerminal() ? await ask(`password for ${username}: `, { secret: true, signal }) : await firstLine();
  const user = await mesh.auth.createUser({
    username,
    password,
    roles: [...args.texts("role")],
    department: args.text("department") ?? "",
    email: args.text("email") ?? "",
    displayName: args.text("name") ?? "",
  });
  out.answer(User.toJSON(user), () => out.line(`${user.username} is created (${user.roles.join(", ") || "no role"}).`));
  return 0;
}

async function disable({ out, session }: Shell, username: string): Promise<number> {
  const { mesh } = await session();
  const user = await mesh.auth.disableUser({ username });
  out.answer(User.toJSON(user), () => out.line(`${user.username} is disabled; every session of theirs has ended.`));
  return 0;
}
