import { type AgentRun, AgentRun_State, AgentRunEvent } from "@agentmesh/proto/runner";

const STATES: Readonly<Record<AgentRun_State, string>> = {
  [AgentRun_State.RUNNING]: "TASK_STATE_WORKING",
  [AgentRun_State.SUCCEEDED]: "TASK_STATE_COMPLETED",
  [AgentRun_State.FAILED]: "TASK_STATE_FAILED",
  [AgentRun_State.CANCELLED]: "TASK_STATE_CANCELED",
  [AgentRun_State.UNSPECIFIED]: "TASK_STATE_UNSPECIFIED",
  [AgentRun_State.UNRECOGNIZED]: "TASK_STATE_UNSPECIFIED",
};

/** A run as a task; its session, or itself where it has none, is the context. */
export function taskOf(run: AgentRun) {
  return {
    id: run.id,
    contextId: contextOf(run),
    status: statusOf(run),
    artifacts: artifactsOf(run),
    history: [],
    metadata: { agent: run.agent, model: run.model },
  };
}

function contextOf({ id, session }: AgentRun): string {
  return session || id;
}

function statusOf(run: AgentRun) {
  const { id, state, failure, startedAt, endedAt } = run;
  const text = failure ? `${failure.code}: ${failure.message}` : "";
  const message = {
    messageId: `${id}-status`,
    contextId: contextOf(run),
    taskId: id,
    role: "ROLE_AGENT",
    parts: [{ text }],
  };
  return {
    state: STATES[state],
    timestamp: (endedAt ?? startedAt ?? new Date(0)).toISOString(),
    ...(text !== "" && { message }),
  };
}

function artifactsOf({ state, text, output }: AgentRun): object[] {
  if (state !== AgentRun_State.SUCCEEDED) return [];
  return [{ artifactId: "answer", parts: [isData(output) ? { data: output } : { text }] }];
}

function isData(output: unknown): boolean {
  return output !== null && output !== undefined;
}

/** A run's events as a task's: the task, its answer in pieces, and its last status. */
export async function* updatesOf(events: AsyncIterable<unknown>): AsyncGenerator<object> {
  let ids: { taskId: string; contextId: string } | undefined;
  let pieces = 0;
  for await (const message of events) {
    const { event } = AgentRunEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      const { id, session } = event.value;
      ids = { taskId: id, contextId: session || id };
      yield { task: taskOf(event.value) };
    } else if (event?.$case === "textDelta" && ids) {
      const artifact = { artifactId: "answer", parts: [{ text: event.value }] };
      yield { artifactUpdate: { ...ids, artifact, append: pieces++ > 0, lastChunk: false } };
    } else if (event?.$case === "restarted" && ids) {
      // What was said so far is replaced by what comes now.
      pieces = 0;
    } else if (event?.$case === "ended") {
      const run = event.value;
      ids = { taskId: run.id, contextId: contextOf(run) };
      const [artifact] = artifactsOf(run);
      // Whole, so that it is right whatever was heard before it.
      if (artifact) yield { artifactUpdate: { ...ids, artifact, append: false, lastChunk: true } };
      yield { statusUpdate: { ...ids, status: statusOf(run) } };
    }
  }
}
