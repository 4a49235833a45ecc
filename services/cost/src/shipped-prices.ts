import { readFileSync } from "node:fs";
import { parseYaml, validate } from "@agentmesh/config";
import { z } from "zod";
import { type BookEntry, compilePrice, priceSpec } from "./domain/price.ts";

/** The prices that come with the product. */
export function shippedPrices(): BookEntry[] {
  const [document] = parseYaml(readFileSync(new URL("../prices.yaml", import.meta.url), "utf8"), "prices.yaml");
  const specs = validate(z.array(priceSpec), document, "prices.yaml");
  return specs.map((spec) => ({ tenant: "", spec, price: compilePrice(spec, 0) }));
}
