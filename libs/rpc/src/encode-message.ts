import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { bufferOf } from "./buffer-of.ts";
import type { MessageCodec } from "./contract.ts";

/** A writer keeps the memory of the largest message it wrote. */
const MAX_KEPT_BYTES = 64 * 1024;

let writer = new BinaryWriter();

/** A message as bytes. All share one writer: one of its own for each message grows from nothing, which is most of its cost. */
export function encodeMessage<T>(codec: MessageCodec<T>, message: T): Buffer {
  try {
    const bytes = codec.encode(message, writer).finish();
    if (bytes.length > MAX_KEPT_BYTES) writer = new BinaryWriter();
    return bufferOf(bytes);
  } catch (error) {
    // It holds half a message.
    writer = new BinaryWriter();
    throw error;
  }
}
