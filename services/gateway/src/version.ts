import product from "../package.json" with { type: "json" };

/** The product's version; all packages carry the same. */
export const version: string = product.version;
