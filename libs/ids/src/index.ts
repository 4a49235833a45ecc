export { canonicalJson, sha256Hex } from "./canonical-json.ts";
export { isId, newId } from "./uuid-v7.ts";
