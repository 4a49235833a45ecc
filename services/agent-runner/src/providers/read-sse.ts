import { malformed } from "./provider-errors.ts";

const MAX_EVENT_CHARS = 1024 * 1024;

/** The data of a server-sent event stream, one event at a time; comments and other fields are skipped. */
export async function* readSse(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  let chars = 0;
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data:")) {
        const value = line.slice(line[5] === " " ? 6 : 5);
        data.push(value);
        chars += value.length;
      } else if (line === "" && data.length > 0) {
        yield data.join("\n").trim();
        data = [];
        chars = 0;
      }
    }
    if (rest.length + chars > MAX_EVENT_CHARS) {
      throw malformed("the provider", `an event of more than ${MAX_EVENT_CHARS} characters`);
    }
  }
  // Some leave the last event without the empty line that ends it.
  if (rest.startsWith("data:")) data.push(rest.slice(5));
  if (data.length > 0) yield data.join("\n").trim();
}
