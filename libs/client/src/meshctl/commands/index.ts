import type { Command } from "../command.ts";

export type CommandEntry = {
  readonly name: string;
  /** What follows the name in the list of commands. */
  readonly takes: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
};

/** Every command under its heading, in the order of `meshctl help`; a command's file is loaded when it is called. */
export const commandGroups: readonly { readonly title: string; readonly commands: readonly CommandEntry[] }[] = [
  {
    title: "Who you are",
    commands: [
      entry("login", "", "Sign in, and stay signed in", async () => (await import("./login.ts")).login),
      entry("logout", "", "End the session and forget it", async () => (await import("./logout.ts")).logout),
      entry("profile", "[add|use|remove]", "Several meshes", async () => (await import("./profile.ts")).profile),
      entry("mfa", "set-up|step-up", "A second factor", async () => (await import("./mfa.ts")).mfa),
      entry("can", "PERMISSION [on …]", "Would it be allowed, and why", async () => (await import("./can.ts")).can),
      entry("whoami", "", "Who you are and what you may do", async () => (await import("./whoami.ts")).whoami),
    ],
  },
  {
    title: "Resources",
    commands: [
      entry("apply", "-f FILE…", "Declare what is in files", async () => (await import("./apply.ts")).apply),
      entry("diff", "-f FILE…", "What an apply would change", async () => (await import("./diff.ts")).diff),
      entry("get", "KIND [NAME]", "List resources, or one", async () => (await import("./get.ts")).get),
      entry(
        "describe",
        "KIND NAME",
        "All about a resource, or a run",
        async () => (await import("./describe.ts")).describe,
      ),
      entry("delete", "KIND NAME", "Delete a resource", async () => (await import("./delete.ts")).remove),
    ],
  },
  {
    title: "Runs",
    commands: [
      entry("run", "KIND/NAME", "Run an agent, or start a workflow", async () => (await import("./run.ts")).runCommand),
      entry("runs", "", "Runs of workflows, newest first", async () => (await import("./runs.ts")).runs),
      entry("steps", "RUN [STEP]", "Steps of a run, items of maps", async () => (await import("./steps.ts")).steps),
      entry("watch", "RUN", "Follow a run to its end", async () => (await import("./watch.ts")).watch),
      entry("pause", "RUN", "Begin nothing new in a run", async () => (await import("./pause.ts")).pause),
      entry("resume", "RUN", "Go on with a paused run", async () => (await import("./resume.ts")).resume),
      entry("cancel", "RUN", "Ask a run to stop", async () => (await import("./cancel.ts")).cancel),
      entry("retry", "RUN", "Go on with a run that failed", async () => (await import("./retry.ts")).retry),
      entry("rerun", "RUN", "A new run like an earlier one", async () => (await import("./rerun.ts")).rerun),
      entry("approvals", "", "What waits for a decision", async () => (await import("./approvals.ts")).approvals),
      entry("approve", "RUN/STEP", "Approve what a run asks", async () => (await import("./decide.ts")).approve),
      entry("reject", "RUN/STEP", "Reject what a run asks", async () => (await import("./decide.ts")).reject),
      entry("resolve", "RUN/STEP", "Say what became of a step", async () => (await import("./resolve.ts")).resolve),
      entry("rejections", "", "Events that started nothing", async () => (await import("./rejections.ts")).rejections),
    ],
  },
  {
    title: "Money",
    commands: [
      entry("cost", "[--by a,b]", "What was spent, by what", async () => (await import("./cost.ts")).cost),
      entry("ledger", "", "Every model call and its price", async () => (await import("./ledger.ts")).ledger),
      entry("budgets", "", "Budgets and what is left", async () => (await import("./budgets.ts")).budgets),
      entry("cache", "stats", "Answers that cost nothing", async () => (await import("./cache.ts")).cache),
    ],
  },
  {
    title: "Operation",
    commands: [
      entry("mesh", "", "The services, and whether they answer", async () => (await import("./mesh.ts")).mesh),
      entry("alerts", "[ack ID]", "Alerts, active ones first", async () => (await import("./alerts.ts")).alerts),
      entry("slas", "", "Targets and the error budget left", async () => (await import("./slas.ts")).slas),
      entry("audit", "list|verify", "Who did what; is the trail whole", async () => (await import("./audit.ts")).audit),
      entry(
        "classify",
        "TEXT",
        "What a text holds that is sensitive",
        async () => (await import("./classify.ts")).classify,
      ),
      entry("keys", "[create|rotate|…]", "API keys", async () => (await import("./keys.ts")).keys),
      entry(
        "publisher",
        "[issue|rotate|…]",
        "Who publishes events on NATS",
        async () => (await import("./publisher.ts")).publisher,
      ),
      entry("users", "[create|disable|…]", "Users of the tenant", async () => (await import("./users.ts")).users),
    ],
  },
  {
    title: "Everything else",
    commands: [
      entry("api", "METHOD [JSON]", "Call any RPC of the mesh", async () => (await import("./api.ts")).api),
      entry(
        "completion",
        "bash|zsh|fish",
        "Completion for your shell",
        async () => (await import("./completion.ts")).completion,
      ),
      entry("version", "", "Versions", async () => (await import("./version.ts")).version),
      entry("help", "[COMMAND]", "This, or all about a command", async () => (await import("./help.ts")).help),
    ],
  },
];

export const commands: readonly CommandEntry[] = commandGroups.flatMap((group) => group.commands);

function entry(name: string, takes: string, summary: string, load: () => Promise<Command>): CommandEntry {
  return { name, takes, summary, load };
}
