import type { Kind } from "../kind.ts";
import { batch, misbehaving, session } from "./others.ts";
import { exact, offline, plain, semantic, tool } from "./plain.ts";
import { cancelled, resumed, stream } from "./streams.ts";

/** The mixture. */
export const kinds: readonly [Kind, ...Kind[]] = [
  plain,
  exact,
  semantic,
  offline,
  tool,
  stream,
  resumed,
  cancelled,
  session,
  batch,
  misbehaving,
];
