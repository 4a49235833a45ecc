import { endOf, isBase64Url } from "../chars.ts";

const minSegment = 8;
/** Headers and claims far beyond this do not fit into any server's header limit. */
const maxSegment = 16_384;

/** Where the JSON web token (`eyJ….eyJ….…`, the signature may be missing) that starts here ends, or -1. */
export function jwtEnd(text: string, start: number): number {
  const header = endOf(text, start, isBase64Url, maxSegment);
  if (header - start < minSegment || text[header] !== "." || !text.startsWith("eyJ", header + 1)) return -1;
  const claims = endOf(text, header + 1, isBase64Url, maxSegment);
  if (claims - header < minSegment || text[claims] !== ".") return -1;
  return endOf(text, claims + 1, isBase64Url, maxSegment);
}
