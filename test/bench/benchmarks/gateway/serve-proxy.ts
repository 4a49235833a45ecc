// A process of its own: passes requests and replies on as they are, over pooled connections, and governs nothing.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";

const [, , origin = ""] = process.argv;
const pool = new Pool(origin, { connections: 32 });

const server = createServer(async (request, response) => {
  const headers = { "content-type": "application/json", authorization: request.headers.authorization ?? "" };
  const reply = await pool.request({ method: "POST", path: request.url ?? "/", headers, body: request });
  response.writeHead(reply.statusCode, { "content-type": String(reply.headers["content-type"]) });
  reply.body.pipe(response);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
