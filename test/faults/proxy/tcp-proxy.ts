// Stands between a process and a server, passes the bytes on, and can stop exactly before or after something that was said.
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Moment, Watch } from "./moment.ts";

/** A whole message as it is to be passed on. */
export type Segment = { readonly bytes: Buffer; readonly moment?: Moment | undefined };

/** Takes bytes as they come and gives the messages that are complete. */
export type Splitter = (chunk: Buffer) => readonly Segment[];

/** Both directions of one connection; made anew for each, so they may share what they remember. */
export type Protocol = () => { readonly fromClient: Splitter; readonly fromServer: Splitter };

export type TcpProxy = AsyncDisposable & {
  readonly port: number;
  /** As if the server were gone: connections end, and new ones too, until `mend`. */
  cut(): void;
  mend(): void;
};

export type TcpProxyOptions = {
  /** On the loopback. */
  readonly targetPort: number;
  readonly protocol: Protocol;
  readonly watch: Watch;
};

export async function startTcpProxy({ targetPort, protocol, watch }: TcpProxyOptions): Promise<TcpProxy> {
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    keep(client);
    if (isCut) return void client.destroy();
    const upstream = connect({ host: "127.0.0.1", port: targetPort, noDelay: true });
    keep(upstream);
    const { fromClient, fromServer } = protocol();
    void pump(client, upstream, fromClient, watch);
    void pump(upstream, client, fromServer, watch);
  });
  function keep(socket: Socket): void {
    socket.setNoDelay(true);
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  }
  function cut(): void {
    isCut = true;
    for (const socket of open) socket.destroy();
  }
  return {
    port: await listen(server),
    cut,
    mend() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @returns the port it was given */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server on the loopback has no port");
  return address.port;
}

/** One direction, in order; its end is the end of the connection. */
async function pump(from: Socket, to: Socket, split: Splitter, watch: Watch): Promise<void> {
  try {
    for await (const chunk of from) {
      let ready: Buffer[] = [];
      for (const { bytes, moment } of split(chunk)) {
        const verdict = moment && watch(moment);
        if (verdict !== undefined) {
          await write(to, ready);
          ready = [];
          if ((await verdict) === "drop") return;
        }
        ready.push(bytes);
      }
      await write(to, ready);
    }
  } catch {
    // The other side left; so does this one.
  } finally {
    from.destroy();
    to.destroy();
  }
}

async function write(to: Socket, parts: readonly Buffer[]): Promise<void> {
  if (parts.length === 0) return;
  if (!to.write(Buffer.concat(parts))) await Promise.race([once(to, "drain"), once(to, "close")]);
}
