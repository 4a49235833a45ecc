import assert from "node:assert/strict";
import type { Effects } from "../src/effects/open-effects.ts";

/** For tests of tools whose effects have no rows. */
export const noEffects: Effects = {
  once: async () => assert.fail("an effect with a row"),
  tool: () => assert.fail("a tool to ask"),
  told: async () => assert.fail("a step in doubt"),
};
