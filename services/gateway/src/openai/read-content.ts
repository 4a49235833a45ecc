import { AppError } from "@agentmesh/errors";
import { z } from "zod";

type Media = { readonly mimeType: string; readonly data: Uint8Array; readonly url: string };
type MediaPart = { readonly part: { readonly $case: "image" | "audio"; readonly value: Media } };

export type Content = { readonly text: string; readonly parts: MediaPart[] };

const part = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("input_text"), text: z.string() }),
  z.looseObject({ type: z.literal("output_text"), text: z.string() }),
  z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: z.string() }) }),
  z.looseObject({ type: z.literal("input_image"), image_url: z.string() }),
  z.looseObject({
    type: z.literal("input_audio"),
    input_audio: z.looseObject({ data: z.string(), format: z.enum(["wav", "mp3"]) }),
  }),
]);

const content = z.union([z.string(), z.array(part).max(64)]);

/** A message's content: a text, or parts in the words of either of OpenAI's APIs. @throws AppError INVALID_ARGUMENT */
export function readContent(value: unknown, field: string): Content {
  const read = content.safeParse(value ?? "");
  if (!read.success) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${field} must be a text or a list of text, image_url and input_audio parts`,
      { reason: "BAD_REQUEST", field, cause: read.error },
    );
  }
  if (typeof read.data === "string") return { text: read.data, parts: [] };
  const texts: string[] = [];
  const parts: MediaPart[] = [];
  for (const one of read.data) {
    if (one.type === "input_audio") parts.push(audioOf(one.input_audio));
    else if (one.type === "image_url") parts.push(imageOf(one.image_url.url, field));
    else if (one.type === "input_image") parts.push(imageOf(one.image_url, field));
    else texts.push(one.text);
  }
  return { text: texts.join("\n\n"), parts };
}

function imageOf(url: string, field: string): MediaPart {
  if (!url.startsWith("data:"))
    return { part: { $case: "image", value: { mimeType: "", data: new Uint8Array(), url } } };
  const [, mimeType, base64] = /^data:([\w.+/-]+);base64,([A-Za-z0-9+/=]+)$/.exec(url) ?? [];
  if (mimeType === undefined || base64 === undefined) {
    throw new AppError("INVALID_ARGUMENT", `${field}: a data URL must be data:<type>;base64,<data>`, {
      reason: "BAD_REQUEST",
      field,
    });
  }
  return { part: { $case: "image", value: { mimeType, data: Buffer.from(base64, "base64"), url: "" } } };
}

function audioOf({ data, format }: { readonly data: string; readonly format: "wav" | "mp3" }): MediaPart {
  const mimeType = format === "wav" ? "audio/wav" : "audio/mpeg";
  return { part: { $case: "audio", value: { mimeType, data: Buffer.from(data, "base64"), url: "" } } };
}
