import { AppError } from "@agentmesh/errors";
import { z } from "zod";
import { defineFunction } from "./define-function.ts";

/** By quantity: how many of the first unit of its row one unit is. BIPM's SI brochure and NIST SP 811. */
const factors: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  length: { m: 1, mm: 0.001, cm: 0.01, km: 1_000, in: 0.0254, ft: 0.3048, yd: 0.9144, mi: 1_609.344, nmi: 1_852 },
  mass: { kg: 1, mg: 1e-6, g: 0.001, t: 1_000, oz: 0.028349523125, lb: 0.45359237, st: 6.35029318 },
  volume: { l: 1, ml: 0.001, m3: 1_000, gal: 3.785411784, pt: 0.473176473, floz: 0.0295735295625 },
  area: { m2: 1, cm2: 1e-4, km2: 1e6, ha: 10_000, ft2: 0.09290304, acre: 4_046.8564224 },
  speed: { "m/s": 1, "km/h": 1 / 3.6, mph: 0.44704, kn: 1_852 / 3_600 },
  time: { s: 1, ms: 0.001, min: 60, h: 3_600, d: 86_400, wk: 604_800 },
  data: { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

const toKelvin: Readonly<Record<string, (value: number) => number>> = {
  K: (value) => value,
  C: (value) => value + 273.15,
  F: (value) => (value + 459.67) / 1.8,
};
const fromKelvin: Readonly<Record<string, (kelvin: number) => number>> = {
  K: (kelvin) => kelvin,
  C: (kelvin) => kelvin - 273.15,
  F: (kelvin) => kelvin * 1.8 - 459.67,
};

const units = [...Object.values(factors).flatMap((row) => Object.keys(row)), ...Object.keys(toKelvin)];
const SIGNIFICANT_DIGITS = 12;

/** A quantity in another unit. */
export const unitConvert = defineFunction({
  name: "unit_convert",
  parameters: z.strictObject({
    value: z.number().describe("The number to convert"),
    from: z.enum(units).describe("Its unit"),
    to: z.enum(units).describe("The unit wanted"),
  }),
  run({ value, from, to }) {
    return { value: Number(convert(value, from, to).toPrecision(SIGNIFICANT_DIGITS)), unit: to };
  },
});

function convert(value: number, from: string, to: string): number {
  const kelvin = toKelvin[from]?.(value);
  const degrees = kelvin === undefined ? undefined : fromKelvin[to]?.(kelvin);
  if (degrees !== undefined) return degrees;
  for (const row of Object.values(factors)) {
    const [source, target] = [row[from], row[to]];
    if (source !== undefined && target !== undefined) return (value * source) / target;
  }
  throw new AppError("INVALID_ARGUMENT", `${from} and ${to} do not measure the same; give units of one quantity`, {
    reason: "BAD_ARGUMENTS",
    field: "to",
  });
}
