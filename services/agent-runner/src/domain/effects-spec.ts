import { type Condition, conditionSchema } from "@agentmesh/mapping";
import { z } from "zod";
import { resourceName } from "./resource-name.ts";

const DEFAULT_HEADER = "idempotency-key";
const RESERVED_HEADER =
  /^(host|authorization|cookie|content-.*|accept|user-agent|x-mesh-.*|connection|transfer-encoding)$/;

/** How the effect of a tool is had once, over retries, takeovers and crashes. */
export const effectsSpec = z.discriminatedUnion("mode", [
  /** The other system takes our key and makes one effect of all calls that carry it. */
  z.strictObject({
    mode: z.literal("keyed"),
    /** Default `idempotency-key`; none where only `field` is given. */
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/)
      .transform((name) => name.toLowerCase())
      .refine((name) => !RESERVED_HEADER.test(name), { error: "is a header of HTTP itself; name another" })
      .optional(),
    /** Where in the JSON body, or in the arguments of an MCP tool, the key is put: a JSON pointer, `/meta/request_id`. */
    field: z
      .string()
      .regex(/^(\/([^~/]|~[01])+){1,8}$/, 'must be a JSON pointer, for instance "/request_id"')
      .max(200)
      .optional(),
  }),
  /** It takes no key, but can be asked: a read tool says whether the effect is there. */
  z.strictObject({
    mode: z.literal("verify"),
    /** A tool with `effect: read`. */
    by: resourceName,
    /** Its arguments, a mapping over `{ args, key }`. */
    input: z.unknown().default({}),
    /** Over `{ args, key, answer }`: holds when the effect is there. A 404 is the answer null. */
    done: conditionSchema as z.ZodType<Condition>,
    /** What the call would have answered, a mapping over the same. Default: the answer. */
    result: z.unknown().default("$.answer"),
    /** After a call was given up, before its effect can be said not to be there, in milliseconds. */
    settleMs: z.int().min(0).max(60_000).default(2_000),
  }),
  /** Neither: it is called at most once, and a person finds out where that leaves doubt. */
  z.strictObject({ mode: z.literal("none") }),
]);

export type EffectsSpec = z.infer<typeof effectsSpec>;
export type KeyedSpec = Extract<EffectsSpec, { mode: "keyed" }>;
export type VerifySpec = Extract<EffectsSpec, { mode: "verify" }>;

/** Where a key goes. */
export type KeyPlace = { readonly header: string | undefined; readonly field: string | undefined };

/** Sources that answer from what they hold, and agents, whose effects are those of their own tools. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(["documents", "table", "identity", "agent"]);
const WITH_HEADERS: ReadonlySet<string> = new Set(["http", "openapi"]);
const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "DELETE"]);

/** What of a Tool as it is declared says how its effect is had. */
type Declared = {
  readonly effect: string;
  readonly effects?: EffectsSpec | undefined;
  readonly source: {
    readonly type: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
};

/** Undefined: the tool has no effect that could be had twice. */
export function effectsOf({ effect, effects, source }: Declared): EffectsSpec | undefined {
  if (effect !== "effectful" || WITHOUT_EFFECT.has(source.type)) return undefined;
  return effects ?? (WITH_HEADERS.has(source.type) ? { mode: "keyed" } : { mode: "none" });
}

export function keyPlaceOf(effects: EffectsSpec | undefined): KeyPlace {
  if (effects?.mode !== "keyed") return { header: DEFAULT_HEADER, field: undefined };
  const { header, field } = effects;
  return { header: header ?? (field === undefined ? DEFAULT_HEADER : undefined), field };
}

/** What is wrong with the effects of a tool, by where it is. */
export function effectsIssues({ effect, effects, source }: Declared): { path: string[]; message: string }[] {
  if (!effects) return [];
  const issue = (member: string, message: string) => ({ path: ["effects", ...(member ? [member] : [])], message });
  if (effect !== "effectful") return [issue("", `is for tools with "effect: effectful"; this one is ${effect}`)];
  if (WITHOUT_EFFECT.has(source.type)) {
    return [issue("", `a tool of type ${source.type} has no effect of its own`)];
  }
  if (effects.mode !== "keyed") return [];
  const { header, field } = effects;
  const issues = [];
  if (header !== undefined && !WITH_HEADERS.has(source.type)) {
    issues.push(issue("header", `a tool of type ${source.type} sends no headers`));
  }
  if (field !== undefined && source.type === "function") {
    issues.push(issue("field", "a function gets the key as part of its second argument"));
  }
  if (field !== undefined && WITHOUT_BODY.has(source.method ?? "")) {
    issues.push(issue("field", `a ${source.method} has no body; say "header"`));
  }
  const sent = keyPlaceOf(effects).header;
  if (Object.keys(source.headers ?? {}).some((name) => name.toLowerCase() === sent)) {
    issues.push(issue("header", `source.headers says ${sent} already; a key that never changes is none`));
  }
  return issues;
}
