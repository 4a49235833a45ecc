import { calculator } from "./calculator.ts";
import { clock } from "./clock.ts";
import { type Functions, registerFunctions } from "./define-function.ts";
import { unitConvert } from "./unit-convert.ts";

/** The functions that are always there. */
export const builtinFunctions: Functions = registerFunctions([calculator, clock, unitConvert]);
