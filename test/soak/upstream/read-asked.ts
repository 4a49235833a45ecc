import type { IncomingMessage } from "node:http";

/** What matters of a request for a completion. */
export type Asked = {
  readonly model: string;
  readonly stream: boolean;
  /** Tools are offered, and none has answered yet. */
  readonly wantsTool: boolean;
  readonly bytes: number;
};

type Body = {
  readonly model?: string;
  readonly stream?: boolean;
  readonly tools?: readonly unknown[];
  readonly messages?: readonly { readonly role?: string }[];
};

/** @throws Error when the connection breaks or the body is no JSON */
export async function readAsked(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const body: Body = JSON.parse(bytes.toString());
  return {
    model: body.model ?? "",
    stream: body.stream === true,
    wantsTool: (body.tools?.length ?? 0) > 0 && body.messages?.at(-1)?.role !== "tool",
    bytes: bytes.length,
  };
}
