// Stands for a service in tests of the runner: answers /readyz, /environment and gRPC's port, and drains on SIGTERM.
import { createServer } from "node:http";

const { GRPC_PORT, ADMIN_PORT, FAKE_CRASH } = process.env;
if (FAKE_CRASH !== undefined && process.argv[2] === FAKE_CRASH) {
  console.error(`${FAKE_CRASH}: MASTER_KEY_FILE is not readable`);
  process.exit(3);
}
const grpc = createServer().listen(Number(GRPC_PORT), "127.0.0.1");
const admin = createServer((request, response) => {
  if (request.url === "/environment") response.end(JSON.stringify(process.env));
  else response.end("ok");
}).listen(Number(ADMIN_PORT), "127.0.0.1");

process.on("SIGTERM", () => {
  console.log("drained");
  grpc.close();
  admin.close();
  process.exit(0);
});
