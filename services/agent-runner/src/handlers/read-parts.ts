import { AppError } from "@agentmesh/errors";
import type { Media, Part } from "@agentmesh/proto/runner";
import type { MediaPart } from "../domain/media.ts";

const MAX_PARTS = 64;
// Of all media of a request together; a message between services is at most 4 MiB.
const MAX_MEDIA_BYTES = 3 * 1024 * 1024;
const MAX_URL_CHARS = 2_048;
const IMAGES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const AUDIO: ReadonlyMap<string, "wav" | "mp3"> = new Map([
  ["audio/wav", "wav"],
  ["audio/x-wav", "wav"],
  ["audio/mpeg", "mp3"],
  ["audio/mp3", "mp3"],
]);

/** The texts of an input's parts as one, and its pictures and sound. @throws AppError INVALID_ARGUMENT */
export function readParts(parts: readonly Part[]): { readonly text: string; readonly media: readonly MediaPart[] } {
  if (parts.length > MAX_PARTS) throw wrong(`${parts.length} parts; at most ${MAX_PARTS}`, "parts", "TOO_LARGE");
  const texts: string[] = [];
  const media: MediaPart[] = [];
  let bytes = 0;
  for (const [index, { part }] of parts.entries()) {
    const field = `parts[${index}]`;
    if (part?.$case === "text") texts.push(part.value.normalize("NFC").trim());
    else if (part?.$case === "image") media.push(imageOf(part.value, `${field}.image`));
    else if (part?.$case === "audio") media.push(audioOf(part.value, `${field}.audio`));
    else throw wrong("a part without a text, an image or audio", field, "NO_INPUT");
    bytes += part.$case === "text" ? 0 : part.value.data.length;
  }
  if (bytes > MAX_MEDIA_BYTES) {
    throw wrong(`${bytes} bytes of media; at most ${MAX_MEDIA_BYTES}; give images as https URLs`, "parts", "TOO_LARGE");
  }
  return { text: texts.join("\n\n"), media };
}

function imageOf({ mimeType, data, url }: Media, field: string): MediaPart {
  if (data.length > 0 === (url !== "")) throw wrong("give data or url of an image", field, "NO_INPUT");
  if (url) {
    if (!URL.canParse(url) || !url.startsWith("https://") || url.length > MAX_URL_CHARS) {
      throw wrong(`url must be an https URL of at most ${MAX_URL_CHARS} characters`, `${field}.url`);
    }
    return { type: "image_url", image_url: { url } };
  }
  if (!IMAGES.includes(mimeType)) throw unknownType(mimeType, IMAGES, field);
  return { type: "image_url", image_url: { url: `data:${mimeType};base64,${Buffer.from(data).toString("base64")}` } };
}

function audioOf({ mimeType, data, url }: Media, field: string): MediaPart {
  if (url || data.length === 0) throw wrong("give audio as data", field, "NO_INPUT");
  const format = AUDIO.get(mimeType);
  if (!format) throw unknownType(mimeType, [...AUDIO.keys()], field);
  return { type: "input_audio", input_audio: { data: Buffer.from(data).toString("base64"), format } };
}

function unknownType(mimeType: string, known: readonly string[], field: string): AppError {
  const told = JSON.stringify(mimeType.slice(0, 60));
  return wrong(`mime_type ${told}; it must be one of ${known.join(", ")}`, `${field}.mime_type`, "UNKNOWN_MEDIA_TYPE");
}

function wrong(message: string, field: string, reason = "BAD_PART"): AppError {
  return new AppError("INVALID_ARGUMENT", message, { reason, field });
}
