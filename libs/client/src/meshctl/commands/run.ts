import { isAppError } from "@agentmesh/errors";
import type { MeshClient } from "../../connect.ts";
import type { Command } from "../command.ts";
import { readObject, readText } from "../read-input.ts";
import { UsageError } from "../usage-error.ts";

export const runCommand: Command = {
  usage: [
    "run agent/NAME --text TEXT | --input JSON",
    "run workflow/NAME --input JSON [--watch]",
    "run team/NAME --input JSON [--watch]",
    "run NAME …          a workflow of that name, or else an agent",
  ],
  about: `An agent's text is printed as it comes. A workflow is started; --watch follows it to its end.
TEXT and JSON may be @FILE or - for standard input. Answers 1 when the run fails.`,
  options: {
    text: { short: "t", value: "TEXT", about: "What to say to the agent" },
    input: { short: "i", value: "JSON", about: "Structured input" },
    watch: { short: "w", about: "Follow the workflow to its end" },
    label: { short: "l", value: "NAME=VALUE", multiple: true, about: "Kept with an agent's run and its cost" },
    session: { value: "ID", about: "The conversation an agent's run belongs to" },
    "no-cache": { about: "Ask the model even if the answer is known" },
    key: { value: "KEY", about: "A workflow is started once for the same key" },
    priority: { value: "0..9", about: "Of a workflow; default 5" },
  },
  words: { min: 1, max: 1 },
  examples: [
    "run agent/drafter --text 'How do I reset my password?'",
    `run workflow/triage --watch --input '{"ticket_id":"T-1","customer_id":"C-1001","subject":"Refund","body":"I was charged twice"}'`,
    "run workflow/triage --input @ticket.json --key T-1",
  ],
  async run(shell, args) {
    const [target = ""] = args.words;
    const text = args.text("text");
    const json = args.text("input");
    const input = json === undefined ? undefined : await readObject(json, "--input", shell.settings);
    const { mesh } = await shell.session();
    const { kind, name } = await resolve(mesh, target);
    if (kind === "workflow") {
      if (text !== undefined) throw new UsageError("--text is for agents; a workflow takes --input JSON");
      const { startWorkflow } = await import("../start-workflow.ts");
      return startWorkflow(shell, args, name, input ?? {});
    }
    if (text === undefined && input === undefined) throw new UsageError("--text TEXT or --input JSON is missing");
    const { runAgent } = await import("../run-agent.ts");
    const said = text === undefined ? {} : { text: await readText(text, shell.settings) };
    return runAgent(shell, args, { agent: name, ...said, ...(input && { input }) });
  },
};

type Target = { readonly kind: "agent" | "workflow"; readonly name: string };

async function resolve(mesh: MeshClient, target: string): Promise<Target> {
  const [kind = "", name] = target.split("/");
  if (name === undefined) return guess(mesh, kind);
  if (name !== "" && (kind === "agent" || kind === "workflow")) return { kind, name };
  // A team runs as a workflow of its name.
  if (name !== "" && kind === "team") return { kind: "workflow", name: `team:${name}` };
  throw new UsageError(`${JSON.stringify(target)}: expected agent/NAME, workflow/NAME or team/NAME`);
}

async function guess(mesh: MeshClient, name: string): Promise<Target> {
  try {
    await mesh.orchestrator.getResource({ kind: "Workflow", name });
    return { kind: "workflow", name };
  } catch (error) {
    if (isAppError(error) && error.code === "NOT_FOUND") return { kind: "agent", name };
    throw error;
  }
}
