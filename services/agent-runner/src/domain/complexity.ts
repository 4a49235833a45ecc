/** What is looked at to tell how hard a task is. */
export type Task = {
  readonly text: string;
  /** Tools the agent may call. */
  readonly tools: number;
  /** Fields of the output schema, nested ones included; 0: text. */
  readonly outputFields: number;
  readonly hasMedia: boolean;
};

const LONG_CHARS = 4_000;
const MANY_QUESTIONS = 4;
const MANY_CONSTRAINTS = 6;
const MANY_TOOLS = 6;
const MANY_FIELDS = 12;
const THINKING =
  /\b(?:why|explain|compare|contrast|analy[sz]e|evaluate|prove|derive|design|plan|optimi[sz]e|refactor|debug|diagnose|trade-?offs?|step[- ]by[- ]step|root cause|implications?|reconcile)\b/gi;
const CONSTRAINTS = /\b(?:must|should|unless|except|only if|at least|at most|before|after|never|always|without)\b/gi;
const TECHNICAL = /```|[{};]\s*$|=>|\b(?:function|select .+ from|class|def)\b|[=<>≤≥]\s*-?\d|[∑∫√]/im;

/**
 * How hard a task is, 0 to 1: the same figure for the same task on every replica, in microseconds. Thinking words count
 * most; length alone makes nothing hard.
 */
export function complexityOf(task: Task): number {
  const { text } = task;
  const read = text.slice(0, LONG_CHARS * 4);
  const share = (count: number, many: number) => Math.min(1, count / many);
  const count = (pattern: RegExp) => new Set([...read.matchAll(pattern)].map(([word]) => word.toLowerCase())).size;
  const score =
    0.3 * share(count(THINKING), 3) +
    0.2 * share(text.length, LONG_CHARS) +
    0.15 * share(count(CONSTRAINTS), MANY_CONSTRAINTS) +
    0.1 * share([...read.matchAll(/\?/g)].length, MANY_QUESTIONS) +
    0.1 * (TECHNICAL.test(read) ? 1 : 0) +
    0.05 * share(task.tools, MANY_TOOLS) +
    0.05 * share(task.outputFields, MANY_FIELDS) +
    0.05 * (task.hasMedia ? 1 : 0);
  return Math.round(score * 100) / 100;
}

/** Fields of a JSON Schema, nested ones included. */
export function countFields(schema: unknown, depth = 0): number {
  if (schema === null || typeof schema !== "object" || depth > 8) return 0;
  const { properties, items } = schema as { properties?: object; items?: unknown };
  const nested = Object.values(properties ?? {});
  return (
    nested.reduce((sum: number, each) => sum + 1 + countFields(each, depth + 1), 0) + countFields(items, depth + 1)
  );
}
