import { Run } from "@agentmesh/proto/orchestrator";
import type { Args } from "./args.ts";
import type { Shell } from "./command.ts";
import { followRun } from "./follow-run.ts";
import { UsageError } from "./usage-error.ts";

const MAX_PRIORITY = 9;

export async function startWorkflow(
  shell: Shell,
  args: Args,
  workflow: string,
  input: Record<string, unknown>,
): Promise<number> {
  const { out, settings } = shell;
  const priority = args.number("priority", 0);
  if (priority !== undefined && priority > MAX_PRIORITY)
    throw new UsageError(`--priority ${priority}: expected 0 to ${MAX_PRIORITY}`);
  const { mesh } = await shell.session();
  const run = await mesh.orchestrator.startWorkflow({
    workflow,
    input,
    dedupeKey: args.text("key") ?? "",
    ...(priority !== undefined && { priority }),
  });
  if (args.flag("watch")) return followRun(shell, run.id);
  out.answer(Run.toJSON(run), () => {
    out.line(run.id);
    out.note(
      out.paint(
        "dim",
        `${run.workflow} v${run.workflowVersion} has started; follow it: ${settings.program} watch ${run.id}`,
      ),
    );
  });
  return 0;
}
