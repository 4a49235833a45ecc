// NATS' messages: a line, and after PUB, HPUB, MSG and HMSG as many bytes as its last word says.
import type { Moment } from "./moment.ts";
import type { Protocol, Segment, Splitter } from "./tcp-proxy.ts";

const CRLF = "\r\n";
const CRLF_BYTES = 2;
const withPayload: ReadonlySet<string> = new Set(["PUB", "HPUB", "MSG", "HMSG"]);
/** More acknowledgements than are ever open. */
const maxAwaited = 10_000;

type Published = { readonly subject: string; readonly payload: Buffer };

/** Sees what one process publishes and is sent, and the acknowledgements of what it published to streams. */
export function natsProtocol(process: string): Protocol {
  return () => {
    const awaited = new Map<string, Published>();
    return {
      fromClient: splitter((words, payload) => {
        const [verb = "", subject = "", reply = ""] = words;
        if (verb !== "PUB" && verb !== "HPUB") return undefined;
        const hasReply = words.length > (verb === "PUB" ? 3 : 4);
        if (hasReply && awaited.size < maxAwaited) awaited.set(reply, { subject, payload });
        return { at: "publish", process, name: subject, said: [payload] };
      }),
      fromServer: splitter((words, payload) => {
        const [verb = "", subject = ""] = words;
        if (verb !== "MSG" && verb !== "HMSG") return undefined;
        const published = awaited.get(subject);
        if (published === undefined) return { at: "deliver", process, name: subject, said: [payload] };
        awaited.delete(subject);
        return { at: "published", process, name: published.subject, said: [published.payload] };
      }),
    };
  };
}

type Look = (words: readonly string[], payload: Buffer) => Moment | undefined;

function splitter(look: Look): Splitter {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const segments: Segment[] = [];
    for (;;) {
      const lineEnd = rest.indexOf(CRLF);
      if (lineEnd < 0) return segments;
      const words = rest.toString("utf8", 0, lineEnd).trim().split(/\s+/);
      const [verb = ""] = words;
      const hasPayload = withPayload.has(verb.toUpperCase());
      const payloadAt = lineEnd + CRLF_BYTES;
      const payloadBytes = hasPayload ? Number(words.at(-1)) : 0;
      const size = hasPayload ? payloadAt + payloadBytes + CRLF_BYTES : payloadAt;
      if (rest.length < size) return segments;
      const payload = rest.subarray(payloadAt, payloadAt + payloadBytes);
      segments.push({ bytes: rest.subarray(0, size), moment: hasPayload ? look(words, payload) : undefined });
      rest = rest.subarray(size);
    }
  };
}
