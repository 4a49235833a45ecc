// Shared by the peers' worker processes: one HTTP server that starts workflows and tells when they have ended, as the
// mesh's own gRPC surface does. The driver asks POST /start[?items=N] for each, and GET /ended?count=N once, which
// answers what the last of them gave.
import { createServer } from "node:http";

export function serveWork({ start }) {
  let ended = 0;
  let last = null;
  let waiting = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/start") {
      start(Number(url.searchParams.get("items"))).then(
        () => response.end(),
        (error) => {
          response.statusCode = 500;
          response.end(String(error));
        },
      );
      return;
    }
    const count = Number(url.searchParams.get("count"));
    waiting.push({ count, response });
    answer();
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));

  function answer() {
    waiting = waiting.filter(({ count, response }) => {
      if (ended < count) return true;
      response.end(JSON.stringify(last));
      return false;
    });
  }
  return {
    oneEnded(result = null) {
      ended++;
      last = result;
      answer();
    },
  };
}

/** What each step does: nothing but answer what it was given. */
export async function step(value) {
  return value;
}
