import { ListUsersReply, User } from "@agentmesh/proto/auth";
import type { Args } from "../args.ts";
import { ask, firstLine, isTerminal } from "../ask.ts";
import type { Command, Shell } from "../command.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";
import { UsageError } from "../usage-error.ts";

export const users: Command = {
  usage: [
    "users",
    "users create NAME --role ROLE …",
    "users disable NAME",
    "users enable NAME",
    "users reset-second-factor NAME",
  ],
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
    if (username === undefined) throw new UsageError("NAME is missing: which user?");
    switch (verb) {
      case "create":
        return create(shell, args, username);
      case "disable":
        return disable(shell, username);
      case "enable":
        return enable(shell, username);
      case "reset-second-factor":
        return resetSecondFactor(shell, username);
      default:
        throw new UsageError(`users ${verb}: expected list, create, disable, enable or reset-second-factor`);
    }
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

async function enable({ out, session }: Shell, username: string): Promise<number> {
  const { mesh } = await session();
  const user = await mesh.auth.enableUser({ username });
  out.answer(User.toJSON(user), () => out.line(`${user.username} is enabled, and no wrong password counts any more.`));
  return 0;
}

async function resetSecondFactor({ out, session }: Shell, username: string): Promise<number> {
  const { mesh } = await session();
  const user = await mesh.auth.resetSecondFactor({ username });
  out.answer(User.toJSON(user), () =>
    out.line(`${user.username} signs in without a second factor; every session of theirs has ended.`),
  );
  return 0;
}
