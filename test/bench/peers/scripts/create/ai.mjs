import { ToolLoopAgent, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const model = new MockLanguageModelV4();
const inputSchema = z.object({ city: z.string() });

measureCreation(
  () =>
    new ToolLoopAgent({
      model,
      instructions,
      tools: { [toolName]: tool({ description: toolDescription, inputSchema, execute: getWeather }) },
    }),
);
