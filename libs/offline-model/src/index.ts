export type {
  AssistantMessage,
  ChatCompletion,
  ChatCompletionChunk,
  ChatMessage,
  ChatRequest,
  ChunkDelta,
  ContentPart,
  FinishReason,
  FunctionTool,
  ResponseFormat,
  ToolCall,
  ToolCallDelta,
  ToolChoice,
  Usage,
} from "./chat.ts";
export { completeOffline, OFFLINE_MODEL } from "./complete.ts";
export { streamOffline } from "./stream.ts";
export { countTokens } from "./tokenizer.ts";
export { UnsupportedByOfflineModel } from "./unsupported.ts";
export { countPrompt } from "./usage.ts";
