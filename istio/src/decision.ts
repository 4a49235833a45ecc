/** Which version answers. */
export type Track = "stable" | "canary";

export type HeaderMatch = Readonly<Record<string, { readonly exact: string } | { readonly regex: string }>>;

/** One way to choose a version; the first that matches wins. */
export type Decision = {
  readonly name: string;
  /** Undefined: matches every call. */
  readonly headers?: HeaderMatch;
  /** True when a path alone can ask for it (`/v2/…`). */
  readonly byPath: boolean;
  /** Percent for each version; they add up to 100. */
  readonly shares: readonly { readonly track: Track; readonly percent: number }[];
};

function all(track: Track): Decision["shares"] {
  return [{ track, percent: 100 }];
}

/**
 * The order of choice:
 *
 * | decision       | asked by                                        | answers               |
 * |----------------|-------------------------------------------------|-----------------------|
 * | asked-canary   | `x-mesh-canary: always`                         | canary                |
 * | asked-stable   | `x-mesh-canary: never`                          | stable                |
 * | api-v2         | `x-api-version: 2` (or `v2`), a v2 path         | canary: it brings v2  |
 * | sticky-canary  | `x-mesh-track: canary`, stamped by the gateway  | canary                |
 * | sticky-stable  | `x-mesh-track: stable`                          | stable                |
 * | shares         | everything else                                 | by weight             |
 *
 * The sticky pair exists only while a canary is under way: after a rollback a stamp that is still in flight must not
 * lead to a version that is gone.
 */
export function decisions(canaryPercent: number): Decision[] {
  const underWay = canaryPercent > 0;
  const sticky: Decision[] = [
    { name: "sticky-canary", headers: { "x-mesh-track": { exact: "canary" } }, byPath: false, shares: all("canary") },
    { name: "sticky-stable", headers: { "x-mesh-track": { exact: "stable" } }, byPath: false, shares: all("stable") },
  ];
  return [
    { name: "asked-canary", headers: { "x-mesh-canary": { exact: "always" } }, byPath: false, shares: all("canary") },
    { name: "asked-stable", headers: { "x-mesh-canary": { exact: "never" } }, byPath: false, shares: all("stable") },
    { name: "api-v2", headers: { "x-api-version": { regex: "v?2" } }, byPath: true, shares: all("canary") },
    ...(underWay ? sticky : []),
    {
      name: "shares",
      byPath: false,
      shares: underWay
        ? [
            { track: "stable", percent: 100 - canaryPercent },
            { track: "canary", percent: canaryPercent },
          ]
        : all("stable"),
    },
  ];
}
