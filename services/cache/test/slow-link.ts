import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** A TCP proxy that holds every piece back for `delayMs`, each way, in order. */
export type SlowLink = AsyncDisposable & { readonly url: string; delayMs: number };

/** @param target a redis:// URL; the link's own URL has the same user, password and database */
export async function startSlowLink(target: string): Promise<SlowLink> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    carry(near, far);
    carry(far, near);
  });

  function carry(from: Socket, into: Socket): void {
    sockets.add(from);
    let last = Promise.resolve();
    from.setNoDelay(true);
    from.on("data", (piece) => {
      const held = wait(link.delayMs, undefined, { ref: false });
      last = last.then(async () => {
        await held;
        if (into.writable) into.write(piece);
      });
    });
    from.on("error", () => into.destroy());
    from.on("close", () => {
      sockets.delete(from);
      into.destroy();
    });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  const link: SlowLink = {
    url: url.href,
    delayMs: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return link;
}
