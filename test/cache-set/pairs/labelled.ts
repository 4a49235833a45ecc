import { entitiesAndIdentifiers } from "./entities.ts";
import { long } from "./long.ts";
import { meanings } from "./meanings.ts";
import { numbersAndUnits } from "./numbers-and-units.ts";
import type { Pair } from "./pair.ts";
import { paraphrases } from "./paraphrases.ts";
import { reversals } from "./reversals.ts";
import { traps } from "./traps.ts";
import { unseen } from "./unseen.ts";

/** Every pair, labelled by hand. */
export const labelled: readonly Pair[] = [
  ...paraphrases,
  ...reversals,
  ...numbersAndUnits,
  ...entitiesAndIdentifiers,
  ...meanings,
  ...traps,
  ...unseen,
  ...long,
];
