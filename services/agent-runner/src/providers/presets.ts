/** What differs between endpoints that speak chat.completions. */
export type Preset = {
  readonly name: string;
  /** Up to and including the version, without a slash at the end; empty: must be configured. */
  readonly baseUrl: string;
  /** Whether it is off without a key. */
  readonly needsKey: boolean;
  /** How it takes an output schema: as such, as a mere wish for JSON, or not at all. */
  readonly structured: "json_schema" | "json_object" | "none";
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
};

const usual = { needsKey: true, structured: "json_object", maxTokensField: "max_tokens" } as const;

/** Endpoints known by name. Adding one is a line here and its key in the configuration. */
export const presets: readonly Preset[] = [
  {
    ...usual,
    name: "openai",
    baseUrl: "https://api.openai.com/v1",
    structured: "json_schema",
    maxTokensField: "max_completion_tokens",
  },
  { ...usual, name: "anthropic", baseUrl: "https://api.anthropic.com/v1", structured: "none" },
  {
    ...usual,
    name: "gemini",
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    structured: "json_schema",
  },
  { ...usual, name: "groq", baseUrl: "https://api.groq.com/openai/v1" },
  { ...usual, name: "mistral", baseUrl: "https://api.mistral.ai/v1", structured: "json_schema" },
  { ...usual, name: "deepseek", baseUrl: "https://api.deepseek.com/v1" },
  { ...usual, name: "together", baseUrl: "https://api.together.xyz/v1" },
  { ...usual, name: "openrouter", baseUrl: "https://openrouter.ai/api/v1", structured: "json_schema" },
  { ...usual, name: "ollama", baseUrl: "", needsKey: false },
  { ...usual, name: "vllm", baseUrl: "", needsKey: false, structured: "json_schema" },
];
