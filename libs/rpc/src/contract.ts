import type { MethodRule } from "@agentmesh/proto/catalog";
import type { BinaryWriter } from "@bufbuild/protobuf/wire";

/** What of a ts-proto codec RPC needs. */
export type MessageCodec<T> = {
  /** @param writer where to write; a codec may write elsewhere */
  encode(message: T, writer?: BinaryWriter): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
  fromPartial(partial: never): T;
  toJSON(message: T): unknown;
  fromJSON(value: unknown): T;
};

export type MethodContract<Req, Res> = MethodRule & {
  readonly request: MessageCodec<Req>;
  readonly response: MessageCodec<Res>;
};

/** A generated contract: `authContract` and its like in `@agentmesh/proto/<module>.contract`. */
export type Contract = {
  readonly service: string;
  readonly rpcService: string;
  // biome-ignore lint/suspicious/noExplicitAny: a contract holds methods of every message type
  readonly methods: { readonly [name: string]: MethodContract<any, any> };
};

type Builtin = Date | ((...args: never) => unknown) | Uint8Array | string | number | bigint | boolean | undefined;

/** As ts-proto's: every field may be left out; it takes its proto3 default. */
export type DeepPartial<T> = T extends Builtin
  ? T
  : T extends (infer U)[]
    ? DeepPartial<U>[]
    : T extends { $case: infer C }
      ? { $case: C } & { [K in Exclude<keyof T, "$case">]?: DeepPartial<T[K]> }
      : T extends object
        ? { [K in keyof T]?: DeepPartial<T[K]> }
        : T;

/** Request and reply types of a method of a contract. */
export type RequestOf<M> = M extends { request: MessageCodec<infer Req> } ? Req : never;
export type ResponseOf<M> = M extends { response: MessageCodec<infer Res> } ? Res : never;
