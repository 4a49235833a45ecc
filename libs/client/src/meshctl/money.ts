const NANO_PER_USD = 1_000_000_000n;
const NANO_PER_MICRO = 1_000n;

/** Dollars for people: `$1,234.50`; below a dollar to the millionth, `$0.000123`, because calls cost that little. */
export function usd(nanoUsd: bigint): string {
  if (nanoUsd < 0n) return `-${usd(-nanoUsd)}`;
  if (nanoUsd === 0n) return "$0";
  if (nanoUsd < NANO_PER_MICRO) return "<$0.000001";
  if (nanoUsd < NANO_PER_USD) return `$0.${String(rounded(nanoUsd, NANO_PER_MICRO)).padStart(6, "0")}`;
  const cents = rounded(nanoUsd, NANO_PER_USD / 100n);
  return `$${count(cents / 100n)}.${String(cents % 100n).padStart(2, "0")}`;
}

/** `1234567` as `1,234,567`. */
export function count(value: bigint | number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 hit`, `1,234 hits`. */
export function counted(amount: bigint | number, noun: string): string {
  return `${count(amount)} ${noun}${Number(amount) === 1 ? "" : "s"}`;
}

/** A share of one: `12.3 %`. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return "<0.1 %";
  return `${(share * 100).toFixed(share >= 0.9995 || share === 0 ? 0 : 1)} %`;
}

function rounded(value: bigint, unit: bigint): bigint {
  return (value + unit / 2n) / unit;
}
