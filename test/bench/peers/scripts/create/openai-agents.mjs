import { Agent, setTracingDisabled, tool } from "@openai/agents";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

const parameters = z.object({ city: z.string() });
setTracingDisabled(true);

measureCreation(
  () =>
    new Agent({
      name: "weather",
      instructions,
      model: "gpt-4o-mini",
      tools: [tool({ name: toolName, description: toolDescription, parameters, execute: getWeather })],
    }),
);
