import type { ChatRequest, FunctionTool, ToolChoice } from "./chat.ts";
import { fillParameters } from "./fill-schema.ts";
import { isRecord, type Json } from "./json.ts";
import type { Conversation } from "./read-request.ts";
import { type Mention, readMentions } from "./tool-mentions.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";
import { contentStems, nameWords, stem } from "./words.ts";

/** A call the model decided on; `arguments` is JSON, as on the wire. */
export type PlannedCall = { readonly name: string; readonly arguments: string };

const NAME_WEIGHT = 3;
const DESCRIPTION_WEIGHT = 1.5;
const PARAMETER_WEIGHT = 1;
const PARAMETER_DESCRIPTION_WEIGHT = 0.5;
const INSTRUCTION_SHARE = 0.6;
/** A tool nobody named is called when its words score this: one word of its name, or two of its description. */
const THRESHOLD = 2;
const NAMED_BONUS = 100;
/** A message with a question goes to a tool that searches rather than unanswered. */
const SEARCH_BONUS = 1.2;
const SEARCH = /search|find|look ?up|knowledge|retriev|articles?|documents?|faq/i;
const MAX_CALLS_PER_QUESTION = 8;
const MAX_TOOLS = 256;

const WORTHLESS = new Set(
  "get set return use tool call by id make give value name list data input".split(" ").map(stem),
);

type Candidate = { tool: FunctionTool["function"]; score: number; mention: Mention | undefined };

function termsOf({ function: tool }: FunctionTool): Map<string, number> {
  const terms = new Map<string, number>();
  function add(stems: readonly string[], weight: number): void {
    for (const root of stems) if (!WORTHLESS.has(root)) terms.set(root, Math.max(weight, terms.get(root) ?? 0));
  }
  add(nameWords(tool.name).map(stem), NAME_WEIGHT);
  add(contentStems(tool.description ?? ""), DESCRIPTION_WEIGHT);
  const properties = tool.parameters?.properties;
  for (const [name, property] of Object.entries(isRecord(properties) ? properties : {})) {
    add(nameWords(name).map(stem), PARAMETER_WEIGHT);
    const description = isRecord(property) ? property.description : undefined;
    if (typeof description === "string") add(contentStems(description), PARAMETER_DESCRIPTION_WEIGHT);
  }
  return terms;
}

function scoreTools(tools: readonly FunctionTool[], conversation: Conversation): Candidate[] {
  const terms = tools.map(termsOf);
  const holders = new Map<string, number>();
  for (const bag of terms) for (const root of bag.keys()) holders.set(root, (holders.get(root) ?? 0) + 1);
  const mentions = readMentions(conversation.instructionSentences, tools, conversation.bag);
  const told = new Set(conversation.instructionSentences.flatMap(contentStems));
  const asks = conversation.reading.sentences.some((sentence) => sentence.includes("?"));
  return tools.map(({ function: tool }, index) => {
    let score = 0;
    for (const [root, weight] of terms[index] ?? []) {
      const rarity = Math.log(1 + tools.length / (holders.get(root) ?? 1));
      if ((conversation.bag.get(root) ?? 0) > 0) score += weight * rarity;
      else if (told.has(root)) score += weight * rarity * INSTRUCTION_SHARE;
    }
    if (asks && SEARCH.test(`${nameWords(tool.name).join(" ")} ${tool.description ?? ""}`)) score += SEARCH_BONUS;
    return { tool, score, mention: mentions.get(tool.name) };
  });
}

function planned(name: string, value: Json): PlannedCall {
  return { name, arguments: JSON.stringify(value) };
}

/** Best first: tools the instructions name, in their order; then by overlap with the user's words. */
function inOrder(candidates: readonly Candidate[]): Candidate[] {
  function rank({ score, mention }: Candidate): number {
    if (mention?.kind === "not") return Number.NEGATIVE_INFINITY;
    return mention === undefined ? score : NAMED_BONUS * 1000 - mention.position * NAMED_BONUS;
  }
  return candidates.toSorted((a, b) => rank(b) - rank(a));
}

function offered(tools: readonly FunctionTool[], choice: ToolChoice): readonly FunctionTool[] {
  tools.forEach((tool, index) => {
    if (tool.type !== "function") throw new UnsupportedByOfflineModel(`tools[${index}]: ${String(tool.type)}`);
  });
  if (tools.length > MAX_TOOLS) throw new UnsupportedByOfflineModel(`${tools.length} tools (at most ${MAX_TOOLS})`);
  if (typeof choice === "string") return tools;
  const named = tools.filter(({ function: tool }) => tool.name === choice.function.name);
  if (named.length === 0)
    throw new UnsupportedByOfflineModel(`tool_choice ${choice.function.name}: no such tool is offered`);
  return named;
}

/**
 * The next tool call, or undefined when it is time to answer. Only instructions can ask for a tool by name; what a user
 * or tool text says about tools counts as words at most. A tool is called once per user message, and in `auto` only with
 * its required identifiers at hand.
 */
export function chooseTool(request: ChatRequest, conversation: Conversation): PlannedCall | undefined {
  const choice = request.tool_choice ?? "auto";
  if (choice === "none" || !request.tools || request.tools.length === 0) return undefined;
  const tools = offered(request.tools, choice);
  const called = new Set(conversation.calls.map((call) => call.function.name));
  if (conversation.calls.length >= MAX_CALLS_PER_QUESTION) return undefined;
  const isFree = choice === "auto";
  if (isFree && conversation.bag.size === 0) return undefined;
  const isGreeting = conversation.keywords.length === 0 && conversation.reading.fields.length === 0;
  for (const { tool, score, mention } of inOrder(scoreTools(tools, conversation))) {
    if (called.has(tool.name)) continue;
    if (isFree && (mention?.kind === "not" || (mention === undefined && (score < THRESHOLD || isGreeting)))) continue;
    // Once something answered, only tools the instructions ask for are worth another turn.
    if (mention === undefined && called.size > 0) continue;
    const { value, missing } = fillParameters(tool.parameters, conversation);
    if (isFree && missing.length > 0) continue;
    return planned(tool.name, value);
  }
  return undefined;
}
