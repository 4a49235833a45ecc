import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, tool } from "ai";
import { z } from "zod";
import { getWeather, instructions, measureTurns, model, question, toolDescription, toolName, url } from "./measure.mjs";

const provider = createOpenAICompatible({ name: "canned", apiKey: "sk-test", baseURL: url });
const tools = {
  [toolName]: tool({ description: toolDescription, inputSchema: z.object({ city: z.string() }), execute: getWeather }),
};

await measureTurns(async () => {
  const { text } = await generateText({
    model: provider(model),
    instructions,
    prompt: question,
    tools,
    stopWhen: stepCountIs(5),
  });
  return text;
});
