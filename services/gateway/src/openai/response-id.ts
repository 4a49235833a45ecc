import { invalid } from "./refusals.ts";

/** What a response's id says: its run, and the session it is kept in; empty: it is not kept. */
export type ResponseKey = { readonly runId: string; readonly session: string };

/** `resp_<run>`, and `_<session in base64url>` where there is one: the id alone is enough to go on from it. */
export function responseIdOf({ runId, session }: ResponseKey): string {
  return session === "" ? `resp_${runId}` : `resp_${runId}_${Buffer.from(session).toString("base64url")}`;
}

const ID = /^resp_([0-9a-f-]{36})(?:_([\w-]{1,700}))?$/;

/** @throws AppError INVALID_ARGUMENT for what is no id of a response */
export function readResponseId(id: string, field: string): ResponseKey {
  const [, runId, session = ""] = ID.exec(id) ?? [];
  if (runId === undefined) throw invalid(field, "is not the id of a response; it is resp_… as a response gave it");
  return { runId, session: Buffer.from(session, "base64url").toString("utf8") };
}
