import { argon2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { authContract } from "@agentmesh/proto/auth.contract";
import type { Client } from "@agentmesh/rpc";
import type { Benchmark, Measured, Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { cpuMsOf } from "../../harness/process-figures.ts";
import { type OpenAuth, openAuth, password, usernames } from "./open-auth.ts";

const logins = 150;
/** As many as the service hashes at once, and as many again that wait. */
const atOnce = 4;
const hashesAtOnce = 2;

export const login: Benchmark = {
  name: "login",
  summary: "sign-ins with a password a second, argon2id with 19 MiB and two passes, beside the hash alone",
  async open() {
    const auth = await openAuth();
    return {
      subjects: [meshSubject(auth), limitSubject()],
      servers: auth.versions,
      [Symbol.asyncDispose]: () => auth[Symbol.asyncDispose](),
    };
  },
};

function meshSubject({ client, pid }: OpenAuth): Subject {
  return {
    name: "agentmesh",
    what: "SignIn over gRPC: lock looked up, password compared, session and audit stored, tokens signed; CPU of auth alone",
    async measure() {
      const signIn = signerIn(client);
      await inFlight(10, atOnce, signIn);
      return measured(() => cpuMsOf(pid), signIn, atOnce);
    },
  };
}

function limitSubject(): Subject {
  const hash = promisify(argon2);
  const nonce = randomBytes(16);
  return {
    name: "limit",
    what: "argon2id of node:crypto with the same parameters, two at once, and nothing else",
    measure: () =>
      measured(
        () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000,
        async () =>
          void (await hash("argon2id", {
            message: password,
            nonce,
            memory: 19_456,
            passes: 2,
            parallelism: 1,
            tagLength: 32,
          })),
        hashesAtOnce,
      ),
  };
}

function signerIn(client: Client<typeof authContract>): (index: number) => Promise<void> {
  return async (index) => {
    const username = usernames[index % usernames.length] ?? "";
    const { accessToken } = await client.signIn({ tenant: "acme", username, password });
    if (accessToken === "") throw new Error("a sign-in answered no token");
  };
}

async function measured(cpuMs: () => number, work: (index: number) => Promise<void>, limit: number): Promise<Measured> {
  const [cpuBeforeMs, began] = [cpuMs(), performance.now()];
  await inFlight(logins, limit, work);
  const tookS = (performance.now() - began) / 1000;
  const usedS = (cpuMs() - cpuBeforeMs) / 1000;
  return {
    figures: [
      { metric: "logins_per_s", unit: "/s", value: logins / tookS },
      { metric: "logins_per_vcpu_s", unit: "/s", value: logins / usedS },
    ],
  };
}
