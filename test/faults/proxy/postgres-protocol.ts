// PostgreSQL's messages (version 3): a type, a length that counts itself, a body; the first of a client has no type.
import type { Moment } from "./moment.ts";
import type { Protocol, Segment, Splitter } from "./tcp-proxy.ts";

type Session = {
  /** What the transaction that is open has sent; undefined: none is open. */
  open: Buffer[] | undefined;
  /** Of the one whose COMMIT was sent last. */
  committing: readonly Buffer[];
  /** Texts of prepared statements, by name. */
  readonly prepared: Map<string, Buffer>;
};

/** Sees the commits of one process. */
export function postgresProtocol(process: string): Protocol {
  return () => {
    const session: Session = { open: undefined, committing: [], prepared: new Map() };
    return {
      fromClient: splitter(true, (type, bytes) => fromClient(process, session, type, bytes)),
      fromServer: splitter(false, (type, bytes) => fromServer(process, session, type, bytes)),
    };
  };
}

type Look = (type: string, bytes: Buffer) => Moment | undefined;

function splitter(firstIsBare: boolean, look: Look): Splitter {
  let rest: Buffer = Buffer.alloc(0);
  let isBare = firstIsBare;
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const segments: Segment[] = [];
    for (;;) {
      const typeBytes = isBare ? 0 : 1;
      if (rest.length < typeBytes + 4) return segments;
      const size = typeBytes + rest.readInt32BE(typeBytes);
      if (rest.length < size) return segments;
      const bytes = rest.subarray(0, size);
      rest = rest.subarray(size);
      segments.push({ bytes, moment: isBare ? undefined : look(bytes.toString("latin1", 0, 1), bytes) });
      isBare = false;
    }
  };
}

const HEAD_BYTES = 5;

function fromClient(process: string, session: Session, type: string, bytes: Buffer): Moment | undefined {
  switch (type) {
    case "Q":
      return simpleQuery(process, session, bytes);
    case "P": {
      const [name, textAt] = text(bytes, HEAD_BYTES);
      session.prepared.set(name, bytes.subarray(textAt));
      session.open?.push(bytes);
      return undefined;
    }
    case "B": {
      const [, nameAt] = text(bytes, HEAD_BYTES);
      const statement = session.prepared.get(text(bytes, nameAt)[0]);
      session.open?.push(...(statement ? [statement, bytes] : [bytes]));
      return undefined;
    }
    default:
      return undefined;
  }
}

function simpleQuery(process: string, session: Session, bytes: Buffer): Moment | undefined {
  const [query] = text(bytes, HEAD_BYTES);
  if (query === "BEGIN") session.open = [];
  else if (query === "COMMIT") {
    session.committing = session.open ?? [];
    session.open = undefined;
    return { at: "commit", process, name: "", said: session.committing };
  } else if (query === "ROLLBACK") session.open = undefined;
  else session.open?.push(bytes);
  return undefined;
}

function fromServer(process: string, session: Session, type: string, bytes: Buffer): Moment | undefined {
  if (type !== "C" || text(bytes, HEAD_BYTES)[0] !== "COMMIT") return undefined;
  return { at: "committed", process, name: "", said: session.committing };
}

/** A text that ends with NUL, and where what follows begins. */
function text(bytes: Buffer, at: number): [string, number] {
  const end = bytes.indexOf(0, at);
  const stop = end < 0 ? bytes.length : end;
  return [bytes.toString("utf8", at, stop), stop + 1];
}
