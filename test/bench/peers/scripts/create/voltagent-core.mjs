import { Agent, createTool } from "@voltagent/core";
import { MockLanguageModelV3 } from "ai/test";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const model = new MockLanguageModelV3();
const parameters = z.object({ city: z.string() });

measureCreation(
  () =>
    new Agent({
      name: "weather",
      instructions,
      model,
      memory: false,
      tools: [createTool({ name: toolName, description: toolDescription, parameters, execute: getWeather })],
    }),
);
