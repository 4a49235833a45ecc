// Stands between a process and one replica of a service it calls. It speaks HTTP/2 itself, because headers are compressed
// over a whole connection; messages are passed on as they are. Of unary calls both sides are read whole first; messages of a
// stream pass one by one.
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import type { Watch } from "./moment.ts";
import { listen } from "./tcp-proxy.ts";

export type GrpcProxy = AsyncDisposable & { readonly port: number };

export type GrpcProxyOptions = {
  /** The caller, as the mesh names it. */
  readonly process: string;
  /** On the loopback. */
  readonly targetPort: number;
  readonly watch: Watch;
};

// A caller would notice that its service froze: our HTTP/2 answers its pings, so we ping on in its stead, as often.
const pingEveryMs = 20_000;
const pingWithinMs = 5_000;

/** Of a gRPC message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

export async function startGrpcProxy({ process, targetPort, watch }: GrpcProxyOptions): Promise<GrpcProxy> {
  const open = new Set<Socket>();
  // A caller is let in only when the service is there, so that it sees of it what it would see without us.
  const server = createServer((client) => {
    keep(client);
    const upstream = connect({ host: "127.0.0.1", port: targetPort, noDelay: true });
    keep(upstream);
    upstream.once("close", () => client.destroy());
    client.once("close", () => upstream.destroy());
    upstream.once("connect", () => join(client, upstream));
  });
  function keep(socket: Socket): void {
    socket.setNoDelay(true);
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  }
  function join(client: Socket, upstream: Socket): void {
    const service = connectHttp2(`http://127.0.0.1:${targetPort}`, { createConnection: () => upstream });
    const caller = performServerHandshake(client);
    service.on("error", () => client.destroy());
    caller.on("error", () => client.destroy());
    const pings = setInterval(() => {
      const late = setTimeout(() => client.destroy(), pingWithinMs);
      service.ping(() => clearTimeout(late));
    }, pingEveryMs);
    client.once("close", () => clearInterval(pings));
    caller.on("stream", (stream, headers) => void passOn({ process, watch, service }, stream, headers));
  }
  return {
    port: await listen(server),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const streaming: ReadonlySet<string> = new Set(["OfferPlaces"]);

type Way = { readonly process: string; readonly watch: Watch; readonly service: ClientHttp2Session };

async function passOn(way: Way, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const { process, watch, service } = way;
  stream.on("error", () => stream.close());
  const name = String(headers[":path"]).split("/").at(-1) ?? "";
  const look = async (at: "call" | "reply", body: Buffer) =>
    (await watch({ at, process, name, said: [body.subarray(PREFIX_BYTES)] })) ?? "forward";
  try {
    const asked = await readAll(stream);
    if ((await look("call", asked)) === "drop") return stream.session?.destroy();
    if (streaming.has(name)) return await passMessages(way, name, stream, headers, asked);
    const answer = await ask(service, headers, asked, stream);
    if ((await look("reply", answer.body)) === "drop") return stream.session?.destroy();
    reply(stream, answer);
  } catch {
    if (!stream.closed) stream.close(constants.NGHTTP2_REFUSED_STREAM);
  }
}

async function passMessages(
  { process, watch, service }: Way,
  name: string,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  asked: Buffer,
): Promise<void> {
  const call = service.request(headers);
  stream.once("close", () => call.close(constants.NGHTTP2_CANCEL));
  let trailers: IncomingHttpHeaders = {};
  call.once("trailers", (given) => {
    trailers = given;
  });
  call.once("response", (given, flags) => {
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (!stream.closed) stream.respond(given, isWhole ? { endStream: true } : { waitForTrailers: true });
  });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  call.end(asked);
  let rest = Buffer.alloc(0);
  for await (const chunk of call as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = endOfMessage(rest); end <= rest.length; end = endOfMessage(rest)) {
      const message = rest.subarray(0, end);
      rest = rest.subarray(end);
      const said = [message.subarray(PREFIX_BYTES)];
      if ((await watch({ at: "reply", process, name, said })) === "drop") return stream.session?.destroy();
      stream.write(message);
    }
  }
  if (!stream.closed) stream.end();
}

function endOfMessage(bytes: Buffer): number {
  return bytes.length < PREFIX_BYTES ? Number.POSITIVE_INFINITY : PREFIX_BYTES + bytes.readUInt32BE(1);
}

type Answer = { readonly headers: IncomingHttpHeaders; readonly body: Buffer; readonly trailers: IncomingHttpHeaders };

async function ask(
  upstream: ClientHttp2Session,
  headers: IncomingHttpHeaders,
  asked: Buffer,
  caller: ServerHttp2Stream,
): Promise<Answer> {
  const call = upstream.request(headers);
  const leave = () => call.close(constants.NGHTTP2_CANCEL);
  caller.once("close", leave);
  let answered: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  call.once("response", (given) => {
    answered = given;
  });
  call.once("trailers", (given) => {
    trailers = given;
  });
  call.end(asked);
  const body = await readAll(call);
  if (!call.closed) await once(call, "close");
  caller.off("close", leave);
  if (call.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`the service ended the call (${call.rstCode})`);
  return { headers: answered, body, trailers };
}

function reply(stream: ServerHttp2Stream, { headers, body, trailers }: Answer): void {
  if (stream.closed) return;
  const isWhole = Object.keys(trailers).length === 0;
  if (isWhole) return void stream.respond(headers, { endStream: true });
  stream.respond(headers, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
