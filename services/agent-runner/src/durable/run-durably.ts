import { AppError, toAppError } from "@agentmesh/errors";
import type { AgentRun, RunAgentRequest } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import { executeRun } from "../run/execute-run.ts";
import type { RunRequest } from "../run/run-request.ts";
import { deleteLiveRun } from "../store/live-runs.ts";
import { beginDurable, durably } from "./begin.ts";
import type { DurableRun } from "./durable-run.ts";
import { endUnbegun } from "./take-over.ts";

export type Begun = {
  readonly durable: DurableRun;
  /** The run's end; a rejection when it never began, or is another replica's now. */
  readonly running: Promise<AgentRun>;
};

const MAX_SESSION_CHARS = 128;

/**
 * Runs an agent with a row from its start, so that others can watch it, cancel it and go on with it.
 *
 * @throws AppError NOT_FOUND, INVALID_ARGUMENT (SESSION)
 */
export async function runDurably(context: Context, wire: RunAgentRequest, request: RunRequest): Promise<Begun> {
  const definition = context.directory.agent(request.caller.tenant, request.agent);
  if (wire.session) assertSession(wire.session, definition.name, definition.spec.memory.session);
  const { durable, row } = await beginDurable(context, definition, wire, request);

  async function run(): Promise<AgentRun> {
    try {
      return await executeRun(context, durably(context, definition, request, durable));
    } catch (error) {
      // One that began is not ended by what went wrong at its end: it is taken over.
      if (!durable.hasBegun && wire.detached) await endUnbegun(context, durable, row, wire, toAppError(error));
      else if (!durable.hasBegun) await deleteLiveRun(context.db, durable);
      throw error;
    } finally {
      durable.forget();
    }
  }

  const running = context.inFlight.track(run());
  // Whoever waits for it hears of it; a run that nobody waits for tells in its record.
  running.catch(() => undefined);
  return { durable, running };
}

function assertSession(session: string, agent: string, isOn: boolean): void {
  if (!isOn) {
    throw new AppError("INVALID_ARGUMENT", `agent ${agent} keeps no sessions; leave session empty`, {
      reason: "NO_SESSIONS",
      field: "session",
    });
  }
  if (session.length <= MAX_SESSION_CHARS) return;
  throw new AppError("INVALID_ARGUMENT", `session has ${session.length} characters; at most ${MAX_SESSION_CHARS}`, {
    reason: "TOO_LONG",
    field: "session",
  });
}
