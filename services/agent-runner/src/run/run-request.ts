import type { AgentRunEvent } from "@agentmesh/proto/runner";
import type { MediaPart } from "../domain/media.ts";
import type { ChatMessage, TokenUsage } from "../domain/model.ts";
import type { EffectUnderWay } from "../domain/tool.ts";
import type { CacheHit } from "./answer-cache.ts";
import type { Accounts, Conversation, Durable } from "./durable.ts";

/** Whom a run acts for, proven by a verified token. */
export type Caller = {
  readonly tenant: string;
  readonly subject: string;
  readonly department: string;
  readonly project: string;
  readonly actors: readonly string[];
  readonly permissions: ReadonlySet<string>;
  /** The internal token itself, for the services the run calls. */
  readonly token: string;
};

export type RunRequest = {
  readonly caller: Caller;
  readonly agent: string;
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly useCache: boolean;
  /** What the cache has for it already, where a batch was looked up in one pass. */
  readonly known?: CacheHit | undefined;
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** Of a workflow step; 1 for all else. */
  readonly attempt: number;
  /** Of a workflow step and attempt; empty: this run answers none. */
  readonly stepKey: string;
  /** Of a run that another one asked for: what stands above it. */
  readonly lineage?: Lineage | undefined;
  /** Given: the run has a row from its start, and others can go on with it. */
  readonly durable?: Durable | undefined;
  /** Of a run below a durable one: where its calls are noted, so that none is lost when the process dies. */
  readonly accounts?: Accounts | undefined;
  /** The run whose turn must be the newest of the session; empty or undefined: any. */
  readonly afterRun?: string | undefined;
  /** What went before, where the run belongs to a session or its agent has a memory. */
  readonly conversation?: Conversation | undefined;
  /** Before a tool is called that may not be called twice, by the run or one below it. */
  readonly noteEffect?: (() => Promise<void>) | undefined;
  /** What the caller says was said before, oldest first. */
  readonly history?: readonly ChatMessage[] | undefined;
  /** Of a workflow's step: its effects belong to that, not to this run. */
  readonly effects?: EffectScope | undefined;
  /** Pictures and sound that come with the text. */
  readonly media?: readonly MediaPart[] | undefined;
  /** Of a run that scores the answer of another: that one's id. */
  readonly judges?: string | undefined;
  /** Given: the run is streamed. */
  readonly emit?: ((event: NonNullable<AgentRunEvent["event"]>) => void) | undefined;
};

/** Agents that called each other as tools, down to this run. */
export type Lineage = {
  /** The run that people asked for; all cost is charged to it. */
  readonly rootRunId: string;
  /** Names of the agents above, outermost first. */
  readonly agents: readonly string[];
  /** Stable over repeats of the call that began this run. */
  readonly key: string;
};

/** What the effects of a step have in common. */
export type EffectScope = {
  /** Stable over attempts and takeovers. */
  readonly key: string;
  readonly attempt: number;
  /** @throws AppError when others may have the step by now */
  assertMayAct(): void;
  /** What is to stop does not before the effects that have left are over. Default: it stops at once. */
  act?(): EffectUnderWay;
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
