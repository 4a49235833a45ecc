import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";
import { createLogger, createMetrics, type Logger } from "@agentmesh/telemetry";
import {
  type Client,
  createClient,
  type Handlers,
  implement,
  type ServeOptions,
  type Server,
  serve,
} from "../src/index.ts";

/** A message of the test's own; its codec refuses what is not JSON. */
export type Note = { text: string };

const note = {
  encode: (message: Note) => ({ finish: () => Buffer.from(JSON.stringify(message)) }),
  decode: (input: Uint8Array): Note => (input.length === 0 ? { text: "" } : JSON.parse(Buffer.from(input).toString())),
  fromPartial: (partial: Partial<Note>): Note => ({ text: partial.text ?? "" }),
  toJSON: (message: Note): unknown => message,
  fromJSON: (): Note => ({ text: "" }),
};

const rule = {
  service: "cost",
  access: "INTERNAL",
  permission: "",
  callers: ["gateway"],
  idempotency: "READ",
  timeoutMs: 5000,
  rateClass: "INTERNAL",
  summary: "",
  inspectRequest: [],
  inspectResponse: [],
} satisfies Partial<MethodRule>;

function method<const Streaming extends boolean>(
  name: string,
  serverStreaming: Streaming,
  other: Partial<MethodRule> = {},
) {
  const path = `/test.v1.NoteService/${name}`;
  return { ...rule, ...other, name, path, serverStreaming, request: note, response: note } as const;
}

export const noteContract = {
  service: "cost",
  rpcService: "test.v1.NoteService",
  methods: {
    read: method("Read", false),
    effect: method("Effect", false, { idempotency: "EFFECT" }),
    brief: method("Brief", false, { timeoutMs: 200 }),
    user: method("User", false, { access: "USER", permission: "notes:read" }),
    open: method("Open", false, { access: "PUBLIC" }),
    list: method("List", true),
    briefList: method("BriefList", true, { timeoutMs: 200 }),
  },
} as const;

export type NoteHandlers = Handlers<typeof noteContract>;
export type NoteClient = Client<typeof noteContract> & Disposable;

const echo = async ({ text }: Note) => ({ text });

async function* echoOnce({ text }: Note) {
  yield { text };
}

export const echoHandlers: NoteHandlers = {
  read: echo,
  effect: echo,
  brief: echo,
  user: echo,
  open: echo,
  list: echoOnce,
  briefList: echoOnce,
};

export const quiet = createLogger({ service: "cost", environment: "test", version: "0", level: "fatal" });

/** A log that remembers its lines. */
export function rememberingLog(): Logger & { readonly lines: { level: string; fields: object; message: string }[] } {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const log = { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return log;
}

export type Fixture = AsyncDisposable & {
  readonly environment: TestEnvironment;
  serve(handlers?: Partial<NoteHandlers>, options?: Partial<ServeOptions>): Promise<Server>;
  /** Signed in as a workload, or as none with the empty name. */
  client(port: number, workload?: string): Promise<NoteClient>;
};

export async function fixture(): Promise<Fixture> {
  const environment = await testEnvironment("cost", { postgres: false, nats: false, redis: false });
  const identityOf = (name: string) => loadWorkloadIdentity(environment.keyFileOf(name), environment.workloadTrustFile);
  const trust = {
    workload: await identityOf("cost"),
    tokens: createTokenVerifier({ jwks: () => undefined, audiences: ["mesh"] }),
  };
  return {
    environment,
    serve: (handlers = {}, options = {}) =>
      serve({
        host: "127.0.0.1",
        port: 0,
        implementations: [implement(noteContract, { ...echoHandlers, ...handlers })],
        trust,
        log: quiet,
        metrics: createMetrics({}),
        ...options,
      }),
    async client(port, workload = "gateway") {
      const address = `127.0.0.1:${port}`;
      return createClient(noteContract, { address, ...(workload && { workload: await identityOf(workload) }) });
    },
    [Symbol.asyncDispose]: () => environment[Symbol.asyncDispose](),
  };
}
