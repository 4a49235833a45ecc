import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const inputSchema = z.object({ city: z.string() });

measureCreation(
  () =>
    new Agent({
      id: "weather",
      name: "weather",
      instructions,
      model: "openai/gpt-4o-mini",
      tools: {
        [toolName]: createTool({ id: toolName, description: toolDescription, inputSchema, execute: getWeather }),
      },
    }),
);
