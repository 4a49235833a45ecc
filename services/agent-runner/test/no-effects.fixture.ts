import assert from "node:assert/strict";
import type { Effects } from "../src/effects/open-effects.ts";

/** For tests of tools whose effects have no rows. */
export const noEffects: Effects = { once: assert.fail, tool: assert.fail, told: assert.fail };
