import { isTooDeep } from "@agentmesh/mapping";
import { invalid } from "./weigh-occasion.ts";

/** The data of an event or request. @throws AppError INVALID_ARGUMENT (BAD_JSON) */
export function readJson(contentType: string, body: Uint8Array): unknown {
  if (!/^application\/(json|[\w.-]+\+json)\b/i.test(contentType)) {
    throw invalid("BAD_JSON", `content-type is ${contentType.slice(0, 80)}, expected application/json`);
  }
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid("BAD_JSON", `the body is not JSON in UTF-8: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (isTooDeep(data)) throw invalid("BAD_JSON", "the body is nested too deeply; flatten it");
  return data;
}
