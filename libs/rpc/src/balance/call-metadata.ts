import { Metadata } from "@grpc/grpc-js";
import type { PickCall } from "./policy.ts";

/** Carries what the picker needs to know of a call through gRPC, which clones metadata for each attempt, and not to the wire. */
export class CallMetadata extends Metadata {
  readonly call: PickCall;

  constructor(call: PickCall) {
    super();
    this.call = call;
  }

  /** With what `from` holds. */
  static copyOf(from: Metadata, call: PickCall): CallMetadata {
    const copy = new CallMetadata(call);
    copy.setOptions(from.getOptions());
    copy.merge(from);
    return copy;
  }

  override clone(): CallMetadata {
    return CallMetadata.copyOf(this, this.call);
  }
}

/** Of a call that came by another way, a fresh one: it has no key and remembers no attempts. */
export function callOf(metadata: Metadata): PickCall {
  return metadata instanceof CallMetadata ? metadata.call : { key: undefined, streaming: false, tried: undefined };
}
