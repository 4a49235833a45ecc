import type { ChatMessage, ContentPart, ModelRequest } from "./model.ts";

/** A picture or a sound. */
export type MediaPart = Exclude<ContentPart, { readonly type: "text" }>;

type Abilities = { readonly tools: boolean; readonly vision: boolean; readonly audio: boolean };

/** What a task asks of a model that the model cannot do; undefined: it can do all of it. */
export function missingAbility(
  abilities: Abilities,
  task: { readonly tools: number; readonly media: readonly MediaPart[] },
): "tools" | "images" | "audio" | undefined {
  if (task.tools > 0 && !abilities.tools) return "tools";
  if (!abilities.vision && task.media.some((part) => part.type === "image_url")) return "images";
  if (!abilities.audio && task.media.some((part) => part.type === "input_audio")) return "audio";
  return undefined;
}

/**
 * The request with pictures and sound beside the text they came with: the last user message that holds the input, or
 * else the last one.
 */
export function attachMedia(request: ModelRequest, input: string, media: readonly MediaPart[]): ModelRequest {
  if (media.length === 0) return request;
  const { messages } = request;
  const holder = messages.findLastIndex((message) => isUserText(message) && message.content.includes(input));
  const at = holder >= 0 ? holder : messages.findLastIndex(isUserText);
  return {
    ...request,
    messages: messages.map((message, index) => (index === at ? withMedia(message, media) : message)),
  };
}

function isUserText(message: ChatMessage): message is ChatMessage & { role: "user"; content: string } {
  return message.role === "user" && typeof message.content === "string";
}

function withMedia(message: ChatMessage, media: readonly MediaPart[]): ChatMessage {
  if (!isUserText(message)) return message;
  const text: ContentPart[] = message.content === "" ? [] : [{ type: "text", text: message.content }];
  return { role: "user", content: [...text, ...media] };
}
