// A process of its own: grpc-js and Redis with nothing between them, which is the least that an answer from L2 can cost.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Redis } from "ioredis";

const redis = new Redis(process.argv[2] ?? "");
const server = new Server();
const identity = (bytes: Buffer) => bytes;
server.addService(
  {
    get: {
      path: "/bench.Redis/Get",
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  {
    get(call: { request: Buffer }, reply: (error: null, value: Buffer) => void) {
      void redis.getBuffer(call.request).then((value) => reply(null, value ?? Buffer.alloc(0)));
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
