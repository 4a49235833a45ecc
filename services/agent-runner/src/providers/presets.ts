import { readFileSync } from "node:fs";
import { parseYaml, validate } from "@agentmesh/config";
import { z } from "zod";

const abilities = {
  structured: z.enum(["json_schema", "json_object", "none"]),
  maxTokens: z.enum(["max_tokens", "max_completion_tokens"]),
  tools: z.boolean(),
  vision: z.boolean(),
  audio: z.boolean(),
  streamUsage: z.boolean(),
};

const auth = z.discriminatedUnion("style", [
  z.strictObject({ style: z.literal("bearer") }),
  z.strictObject({ style: z.enum(["header", "query"]), name: z.string().regex(/^[\w-]+$/) }),
]);

/** An entry of providers.yaml, where each field is explained. */
export const presetSchema = z.strictObject({
  ...abilities,
  name: z.string().regex(/^[a-z0-9-]+$/),
  baseUrl: z.union([z.literal(""), z.url({ protocol: /^https?$/ })]).default(""),
  key: z.boolean().default(true),
  auth: auth.default({ style: "bearer" }),
  maxTokens: abilities.maxTokens.default("max_tokens"),
  tools: z.boolean().default(true),
  vision: z.boolean().default(false),
  audio: z.boolean().default(false),
  streamUsage: z.boolean().default(true),
  families: z.array(z.strictObject({ match: z.string().min(1), ...z.object(abilities).partial().shape })).default([]),
});

/** What differs between endpoints that speak chat.completions. */
export type Preset = z.infer<typeof presetSchema>;

/** What one model reads and does. */
export type Abilities = z.infer<z.ZodObject<typeof abilities>>;

/** Endpoints known by name, as providers.yaml has them. */
export const presets: readonly Preset[] = readPresets();

function readPresets(): Preset[] {
  const text = readFileSync(new URL("../../providers.yaml", import.meta.url), "utf8");
  const [document] = parseYaml(text, "providers.yaml");
  return validate(z.array(presetSchema), document, "providers.yaml");
}

export function abilitiesOf(preset: Preset, model: string): Abilities {
  const { structured, maxTokens, tools, vision, audio, streamUsage } = preset;
  const family = preset.families.find(({ match }) => matches(match, model));
  const own = { structured, maxTokens, tools, vision, audio, streamUsage };
  if (!family) return own;
  return {
    structured: family.structured ?? structured,
    maxTokens: family.maxTokens ?? maxTokens,
    tools: family.tools ?? tools,
    vision: family.vision ?? vision,
    audio: family.audio ?? audio,
    streamUsage: family.streamUsage ?? streamUsage,
  };
}

/** `*` is any text, also none. */
function matches(pattern: string, model: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (!model.startsWith(first)) return false;
  const last = rest.pop();
  if (last === undefined) return model === first;
  let at = first.length;
  for (const piece of rest) {
    const found = model.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return model.length - last.length >= at && model.endsWith(last);
}
