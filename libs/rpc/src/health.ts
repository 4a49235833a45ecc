import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Contract } from "./contract.ts";

// grpc.health.v1 is two messages of one field; a loader for .proto files would cost each process 30 ms at start.

export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING";
const STATUSES: readonly HealthStatus[] = ["UNKNOWN", "SERVING", "NOT_SERVING"];

type HealthRequest = { service: string };
type HealthReply = { status: HealthStatus };

function firstField(input: Uint8Array, read: (reader: BinaryReader) => void): void {
  const reader = new BinaryReader(input);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) read(reader);
    else reader.skip(wire);
  }
}

const request = {
  encode: ({ service }: HealthRequest) => new BinaryWriter().uint32(10).string(service),
  decode(input: Uint8Array): HealthRequest {
    let service = "";
    firstField(input, (reader) => {
      service = reader.string();
    });
    return { service };
  },
  fromPartial: (partial: Partial<HealthRequest>): HealthRequest => ({ service: partial.service ?? "" }),
  toJSON: (message: HealthRequest): unknown => message,
  fromJSON: (): HealthRequest => ({ service: "" }),
};

const response = {
  encode: ({ status }: HealthReply) => new BinaryWriter().uint32(8).int32(STATUSES.indexOf(status)),
  decode(input: Uint8Array): HealthReply {
    let status: HealthStatus = "UNKNOWN";
    firstField(input, (reader) => {
      status = STATUSES[reader.int32()] ?? "UNKNOWN";
    });
    return { status };
  },
  fromPartial: (partial: Partial<HealthReply>): HealthReply => ({ status: partial.status ?? "UNKNOWN" }),
  toJSON: (message: HealthReply): unknown => message,
  fromJSON: (): HealthReply => ({ status: "UNKNOWN" }),
};

/** grpc.health.v1.Health/Check, which every server answers without signing in. */
export const healthContract = {
  service: "*",
  rpcService: "grpc.health.v1.Health",
  methods: {
    check: {
      service: "*",
      name: "Check",
      path: "/grpc.health.v1.Health/Check",
      serverStreaming: false,
      access: "PUBLIC",
      permission: "",
      callers: ["*"],
      idempotency: "READ",
      timeoutMs: 1000,
      rateClass: "INTERNAL",
      summary: "Whether the server takes calls",
      inspectRequest: [],
      inspectResponse: [],
      request,
      response,
    },
  },
} as const satisfies Contract;
