export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** The value of a JSON text, or undefined where it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export type EmbeddedJson = { value: JsonObject | Json[]; before: string; after: string };

/** The JSON object or array in a text: the whole of it, or what stands after a heading or in a code fence. */
export function embeddedJson(message: string): EmbeddedJson | undefined {
  const text = message.trim();
  const starts = [text.indexOf("{"), text.indexOf("[")].filter((index) => index >= 0).sort((a, b) => a - b);
  for (const start of starts) {
    const end = text.lastIndexOf(text[start] === "{" ? "}" : "]");
    const value = end > start ? parseJson(text.slice(start, end + 1)) : undefined;
    // "[404]" in a sentence is prose, not data.
    const isData = Array.isArray(value) ? start === 0 || value.some(isJsonObject) : isJsonObject(value);
    if (isData && typeof value === "object" && value !== null) {
      return { value, before: text.slice(0, start), after: text.slice(end + 1) };
    }
  }
  return undefined;
}
