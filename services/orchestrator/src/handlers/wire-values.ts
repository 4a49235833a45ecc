// A message may have 4 MiB; the rest is for what is not a value.
const MAX_VALUE_BYTES = 3 * 1024 * 1024;

/** Room for the values of one reply. */
export type Room = {
  /** The value while there is room for it; a value that does not fit is cut. */
  take(value: unknown): { readonly value: unknown; readonly cut: boolean };
};

/** @param maxEachBytes what one value may have at the most. Default: all of the room */
export function openRoom(maxEachBytes: number = MAX_VALUE_BYTES): Room {
  let left = MAX_VALUE_BYTES;
  return {
    take(value) {
      if (value === undefined || value === null) return { value, cut: false };
      const bytes = wireBytes(value);
      if (bytes > left || bytes > maxEachBytes) return { value: undefined, cut: true };
      left -= bytes;
      return { value, cut: false };
    },
  };
}

// Tag and length of a field, for itself and for the message around it.
const FRAME_BYTES = 8;
const NUMBER_BYTES = 9;

/** About how many bytes a value has as google.protobuf.Value: never fewer than it has. */
export function wireBytes(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value) + FRAME_BYTES;
  if (value === null || typeof value !== "object") return NUMBER_BYTES + FRAME_BYTES;
  let sum = FRAME_BYTES;
  for (const [key, member] of Object.entries(value)) {
    sum += wireBytes(member) + FRAME_BYTES;
    if (!Array.isArray(value)) sum += Buffer.byteLength(key) + FRAME_BYTES;
  }
  return sum;
}
