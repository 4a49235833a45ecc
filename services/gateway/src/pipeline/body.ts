import { AppError } from "@agentmesh/errors";
import type { MessageCodec } from "@agentmesh/rpc";

/** A message in either form; the other one is made when it is asked for, so that what is only passed on stays bytes. */
export type Body = {
  readonly bytes: Uint8Array;
  /** @throws AppError INVALID_ARGUMENT (MALFORMED), of a reply INTERNAL, when the bytes are not this message */
  readonly message: unknown;
};

type Whose = "request" | "reply";

/** @param whose fault it is when the bytes are no message: a reply's is the owner's */
export function bodyOfBytes(codec: MessageCodec<unknown>, bytes: Uint8Array, whose: Whose = "request"): Body {
  let decoded: { message: unknown } | undefined;
  return {
    bytes,
    get message() {
      decoded ??= { message: decode(codec, bytes, whose) };
      return decoded.message;
    },
  };
}

export function bodyOfMessage(codec: MessageCodec<unknown>, message: unknown): Body {
  let encoded: Uint8Array | undefined;
  return {
    message,
    get bytes() {
      encoded ??= codec.encode(message).finish();
      return encoded;
    },
  };
}

function decode(codec: MessageCodec<unknown>, bytes: Uint8Array, whose: Whose): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    if (whose === "reply") throw new AppError("INTERNAL", "the owner's reply cannot be decoded", { cause });
    throw new AppError(
      "INVALID_ARGUMENT",
      `the message cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}; encode it with the published contract`,
      { reason: "MALFORMED", cause },
    );
  }
}
