import { tool } from "@langchain/core/tools";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { z } from "zod";
import { getWeather, instructions, measureCreation, toolDescription, toolName } from "./measure.mjs";

class ToolModel extends FakeListChatModel {
  bindTools() {
    return this;
  }
}
const llm = new ToolModel({ responses: ["clear"] });
const schema = z.object({ city: z.string() });

measureCreation(() =>
  createReactAgent({
    llm,
    prompt: instructions,
    tools: [tool(getWeather, { name: toolName, description: toolDescription, schema })],
  }),
);
