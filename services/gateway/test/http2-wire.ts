// HTTP/2 as bytes: frames as one likes them, and gRPC messages that need not be ones.
import { once } from "node:events";
import { connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const END_STREAM = 1;
export const END_HEADERS = 4;

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as HPACK literals, neither indexed nor compressed. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), textOf(name), textOf(value)]));
}

function textOf(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

/** A whole number with a prefix of 7 bits (RFC 7541, 5.1). */
function lengthOf(length: number): Buffer {
  if (length < 127) return Buffer.of(length);
  const bytes = [127];
  let left = length - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

export function callHeaders(path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  return headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "edge"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["authorization", "Bearer admin"],
    ...more,
  ]);
}

/** A message of gRPC. @param announced the length it says it has. Default: its own */
export function message(bytes: Uint8Array, flag = 0, announced = bytes.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(announced, 1);
  return Buffer.concat([prefix, bytes]);
}

export type Wire = Disposable & {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** Whether it was ended by the other side; false: all that was written is read, and it lives on. */
  isCutOff(): Promise<boolean>;
};

const MARK = Buffer.from("the end.");

/** A connection whose bytes are written by hand. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect(port, "127.0.0.1");
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const marked = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.on("error", () => undefined).on("data", (bytes) => bytes.includes(MARK) && marked.resolve());
  await once(socket, "connect");
  return {
    socket,
    closed,
    async isCutOff() {
      socket.write(frame(FRAME.ping, 0, 0, MARK));
      return await Promise.race([closed.then(() => true), marked.promise.then(() => false)]);
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Writes in pieces, as fast as they are taken; stops when the other side has hung up. */
export async function pour({ socket }: { socket: Socket }, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.write(piece)) continue;
    const done = new AbortController();
    await Promise.race([
      once(socket, "drain", { signal: done.signal }),
      once(socket, "close", { signal: done.signal }),
    ]).catch(() => undefined);
    done.abort();
  }
}

export type Answer = { readonly http: number; readonly grpc: number | undefined; readonly reset: number };

/** One request over a well-behaved connection, whose headers and body need not be. @param isEnded false: it says no end */
export async function ask(
  port: number,
  headers: OutgoingHttpHeaders,
  body: Uint8Array,
  isEnded = true,
): Promise<Answer> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  try {
    const stream = session.request({
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
      authorization: "Bearer admin",
      ...headers,
    });
    let http = 0;
    let grpc: number | undefined;
    const note = (fields: Record<string, unknown>) => {
      if (fields["grpc-status"] === undefined) return;
      grpc = Number(fields["grpc-status"]);
      if (!isEnded) stream.close();
    };
    stream.on("response", (fields) => {
      http = Number(fields[":status"]);
      note(fields);
    });
    stream
      .on("trailers", note)
      .on("error", () => undefined)
      .resume();
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.write(Buffer.from(body));
    if (isEnded) stream.end();
    await closed;
    return { http, grpc, reset: stream.rstCode ?? 0 };
  } finally {
    session.destroy();
  }
}

/** Numbers from a seed, so that what fails once fails again (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
