import { AppError, describeError } from "@agentmesh/errors";
import { sha256Hex } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { AgentRun } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import { extractFacts } from "../domain/memory/extract-facts.ts";
import { foldTurns, linesOf } from "../domain/memory/fold-turns.ts";
import { recall } from "../domain/memory/lexical-embedding.ts";
import type { ChatMessage, ModelReply, ModelRequest } from "../domain/model.ts";
import type { Turn } from "../durable/durable-run.ts";
import { fenced } from "../durable/runs.ts";
import type { Conversation } from "../run/durable.ts";
import type { Caller } from "../run/run-request.ts";
import { readFacts, storeFacts } from "../store/memory.ts";
import { countTurn, deleteTurnsUpTo, insertTurn, readSession, readTurns, type SessionKey } from "../store/sessions.ts";

const MAX_FACTS = 500;

type CallModel = (request: ModelRequest) => Promise<ModelReply>;
type History = { readonly messages: ChatMessage[]; readonly summary: string; readonly foldedUpTo: number };

/**
 * The conversation of a run; undefined where it has neither a session nor a memory.
 *
 * @param afterRun the run whose turn must be the newest one; empty: any
 */
export function recollect(
  context: Context,
  definition: AgentDefinition,
  caller: Caller,
  turn: Turn | undefined,
  afterRun = "",
): Conversation | undefined {
  const { memory } = definition.spec;
  if (!turn && !memory.longTerm) return undefined;
  const owner = { tenant: caller.tenant, subject: caller.subject, agent: definition.name };
  let history: History = { messages: [], summary: "", foldedUpTo: 0 };
  return {
    async before(input, callModel) {
      const known = memory.longTerm ? await readFacts(context.db, owner, MAX_FACTS) : [];
      const facts = recall(input, known, memory.recall);
      if (turn) history = await readHistory(context, definition, turn.key, afterRun, callModel);
      return [...asMessage("What is known of this user:", facts), ...history.messages];
    },
    async store(tx, run, input) {
      if (turn) await storeTurn(tx, turn, history, run, input);
      const facts = memory.longTerm ? extractFacts(input) : [];
      if (facts.length === 0) return;
      const hashed = facts.map((fact) => ({ hash: sha256Hex(fact.toLowerCase()), fact }));
      await storeFacts(tx, owner, hashed, { id: run.id, at: run.endedAt ?? new Date(), keep: MAX_FACTS });
    },
  };
}

function asMessage(title: string, lines: readonly string[]): ChatMessage[] {
  return lines.length === 0 ? [] : [{ role: "system", content: [title, ...lines].join("\n- ") }];
}

async function readHistory(
  context: Context,
  definition: AgentDefinition,
  key: SessionKey,
  afterRun: string,
  callModel: CallModel,
): Promise<History> {
  const session = await readSession(context.db, key);
  const turns = await readTurns(context.db, key);
  if (afterRun !== "" && turns.at(-1)?.run_id !== afterRun) throw movedOn(key, afterRun);
  const { folded, kept } = foldTurns(turns, definition.spec.memory);
  const before = session?.summary ?? "";
  const summary = folded.length === 0 ? before : await summarise(context, before, linesOf(folded), callModel);
  const messages: ChatMessage[] = kept.flatMap(({ input, answer }) => [
    { role: "user", content: input },
    { role: "assistant", content: answer },
  ]);
  if (summary !== "") messages.unshift({ role: "system", content: `The conversation before, in short:\n${summary}` });
  return { messages, summary, foldedUpTo: folded.at(-1)?.turn ?? 0 };
}

function movedOn({ agent, session }: SessionKey, afterRun: string): AppError {
  return new AppError(
    "CONFLICT",
    `run ${afterRun} is not the newest turn of session ${session} of agent ${agent}; a conversation is continued from its end, another one is begun without it`,
    { reason: "SESSION_MOVED_ON", field: "after_run" },
  );
}

const MAX_SUMMARY_CHARS = 4_000;
const SUMMARY_TOKENS = 400;
const SUMMARISE =
  "Summarise the conversation below in at most ten sentences. Keep names, numbers, decisions and open questions. Answer with the summary only.";

/** By the run's own model. When it fails the shortened turns stand in: a conversation is not lost to an outage. */
async function summarise(context: Context, before: string, lines: string, callModel: CallModel): Promise<string> {
  const text = before === "" ? lines : `${before}\n${lines}`;
  let summary = text;
  try {
    const reply = await callModel({
      messages: [
        { role: "system", content: SUMMARISE },
        { role: "user", content: text },
      ],
      tools: [],
      output: undefined,
      temperature: 0,
      maxTokens: SUMMARY_TOKENS,
    });
    if (reply.text.trim() !== "" && reply.finish !== "content_filter") summary = reply.text.trim();
  } catch (error) {
    if (error instanceof AppError && error.code === "CANCELLED") throw error;
    context.log.warn({ reason: describeError(error) }, "a conversation is kept shortened, not summarised");
  }
  // The end is nearer to what comes next.
  return summary.slice(-MAX_SUMMARY_CHARS);
}

async function storeTurn(tx: Transaction, { key, fence }: Turn, history: History, run: AgentRun, input: string) {
  const turns = await countTurn(tx, key, fence, history.summary);
  if (turns === undefined) throw fenced(run.id);
  await insertTurn(tx, key, { turn: turns, run_id: run.id, input, answer: run.text, at: run.endedAt ?? new Date() });
  if (history.foldedUpTo > 0) await deleteTurnsUpTo(tx, key, history.foldedUpTo);
}
