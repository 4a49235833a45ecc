import type { AgentRunEvent } from "@agentmesh/proto/runner";
import type { TokenUsage } from "../domain/model.ts";

/** Whom a run acts for, proven by a verified token. */
export type Caller = {
  readonly tenant: string;
  readonly subject: string;
  readonly department: string;
  readonly project: string;
  readonly actors: readonly string[];
  /** The internal token itself, for the services the run calls. */
  readonly token: string;
};

export type RunRequest = {
  readonly caller: Caller;
  readonly agent: string;
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly useCache: boolean;
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** Of a workflow step; 1 for all else. */
  readonly attempt: number;
  /** Of a workflow step and attempt; empty: this run answers none. */
  readonly stepKey: string;
  /** Given: the run is streamed. */
  readonly emit?: ((event: NonNullable<AgentRunEvent["event"]>) => void) | undefined;
};

/** One upstream attempt, or a cache hit in place of all of them. */
export type ModelCall = {
  readonly attemptId: string;
  readonly provider: string;
  readonly model: string;
  readonly usage: TokenUsage;
  readonly responseMs: number;
  readonly failed: boolean;
  readonly at: Date;
  readonly cacheHit: boolean;
  readonly savedNanoUsd: bigint;
};
