// The service behind orders.openapi.yaml: node examples/tools/orders.mjs
import { createServer } from "node:http";

const orders = {
  "O-17": { id: "O-17", state: "Order O-17 was shipped on Monday with three lamps.", totalUsd: 59.97 },
  "O-18": { id: "O-18", state: "Order O-18 waits for its payment.", totalUsd: 4.5 },
};

createServer((request, response) => {
  const order = orders[/^\/v1\/orders\/(O-\d+)$/.exec(request.url)?.[1]];
  response.writeHead(order ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(order ?? { error: "no such order" }));
}).listen(7310, "127.0.0.1", () => process.stdout.write("orders on http://127.0.0.1:7310/v1\n"));
