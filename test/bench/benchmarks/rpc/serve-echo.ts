// A process of its own. `bare`: grpc-js that answers the same bytes. `agentmesh`: libs/rpc as a service uses it, with both
// tokens verified, a span, a deadline and a duration for each call, and the messages decoded and encoded.
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { implement, serve } from "@agentmesh/rpc";
import { createLogger, createMetrics, startTracing } from "@agentmesh/telemetry";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { echoContract } from "./echo-contract.ts";
import { path, reply, replyBytes } from "./load.ts";

const [, , mode, keyFile = "", trustFile = "", jwks = "{}"] = process.argv;

const port = mode === "bare" ? await serveBare() : await serveMesh();
process.stdout.write(`${port}\n`);

async function serveMesh(): Promise<number> {
  const about = { service: "cache", environment: "bench", version: "0" };
  await startTracing(about);
  const keys = JSON.parse(jwks);
  const server = await serve({
    host: "127.0.0.1",
    port: 0,
    implementations: [implement(echoContract, { lookup: async () => reply })],
    trust: {
      workload: await loadWorkloadIdentity(keyFile, trustFile),
      tokens: createTokenVerifier({ jwks: () => keys, audiences: ["mesh"] }),
    },
    log: createLogger({ ...about, level: "error" }),
    metrics: createMetrics({}),
  });
  return server.port;
}

function serveBare(): Promise<number> {
  const asItIs = (bytes: Buffer) => bytes;
  const server = new Server();
  const lookup = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
  server.addService(
    { lookup },
    { lookup: (_call: unknown, answer: (error: null, bytes: Buffer) => void) => answer(null, replyBytes) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
}
