import { FunctionTool, LlmAgent } from "@google/adk";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const parameters = z.object({ city: z.string() });

measureCreation(
  () =>
    new LlmAgent({
      name: "weather",
      model: "gemini-2.5-flash",
      instruction: instructions,
      tools: [new FunctionTool({ name: toolName, description: toolDescription, parameters, execute: getWeather })],
    }),
);
