import type { Transaction } from "@agentmesh/postgres";
import type { AgentRun, AgentRunEvent } from "@agentmesh/proto/runner";
import type { ChatMessage, ModelReply, ModelRequest, TokenUsage } from "../domain/model.ts";
import type { LiveKey } from "../store/live-runs.ts";

/** What a run that has a row from its start does on its way. */
export type Durable = LiveKey & {
  readonly startedAt: Date;
  readonly session: string;
  /** Whether another replica is to go on with it: its end is not stored then, only what it used. */
  readonly isGivenUp: boolean;
  emit(event: NonNullable<AgentRunEvent["event"]>): void;
  /** Resolves when it is the run's turn in its session. */
  awaitTurn(signal: AbortSignal): Promise<void>;
  /** Before a call leaves for a provider. */
  intend(call: Intent): Promise<void>;
  /** When it came back, whatever became of it. */
  noteUsage(attemptId: string, usage: TokenUsage): void;
  /** Before a tool is called that may not be called twice. */
  noteEffect(): Promise<void>;
  /** The events that are not stored yet, and the end. */
  close(ended: AgentRun): Promise<readonly AgentRunEvent[]>;
  /** After the end is stored. */
  ended(tail: readonly AgentRunEvent[]): void;
};

/** Notes the calls of a durable run and of the runs below it. */
export type Accounts = Pick<Durable, "intend" | "noteUsage">;

export type Intent = {
  readonly attemptId: string;
  /** Which calls it: the run's own, or one below it. */
  readonly agent: string;
  readonly provider: string;
  readonly model: string;
  readonly inputTokens: number;
};

/** What went before a run: its session's turns, and what is remembered of its user. */
export type Conversation = {
  /** Messages between the instructions and the input. */
  before(input: string, callModel: (request: ModelRequest) => Promise<ModelReply>): Promise<readonly ChatMessage[]>;
  /** In the transaction that ends the run. @throws AppError CONFLICT (FENCED) when another run has the session */
  store(tx: Transaction, run: AgentRun, input: string): Promise<void>;
};
