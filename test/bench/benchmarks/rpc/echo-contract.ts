import { cacheContract } from "@agentmesh/proto/cache.contract";

/** One rpc that reads a key and answers a value. */
export const echoContract = {
  service: cacheContract.service,
  rpcService: cacheContract.rpcService,
  methods: { lookup: cacheContract.methods.lookup },
} as const;
