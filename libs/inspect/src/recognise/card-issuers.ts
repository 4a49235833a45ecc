type IssuerRange = { readonly from: number; readonly to: number; readonly lengths: readonly number[] };

const long = [16, 17, 18, 19];

/** Issuer ranges by their first six digits. Narrow on purpose: each range admitted costs false alarms. */
const issuerRanges: readonly IssuerRange[] = [
  { from: 400000, to: 499999, lengths: [13, 16, 19] }, // Visa
  { from: 510000, to: 559999, lengths: [16] }, // Mastercard
  { from: 222100, to: 272099, lengths: [16] }, // Mastercard, since 2017
  { from: 340000, to: 349999, lengths: [15] }, // American Express
  { from: 370000, to: 379999, lengths: [15] },
  { from: 601100, to: 601199, lengths: long }, // Discover
  { from: 644000, to: 659999, lengths: long },
  { from: 620000, to: 629999, lengths: long }, // UnionPay, and Discover's share of it
  { from: 300000, to: 305999, lengths: [14] }, // Diners Club
  { from: 309500, to: 309599, lengths: [14] },
  { from: 360000, to: 369999, lengths: [14, 16, 19] },
  { from: 380000, to: 399999, lengths: [14, 16, 19] },
  { from: 352800, to: 358999, lengths: long }, // JCB
  { from: 220000, to: 220499, lengths: long }, // Mir
  { from: 501800, to: 501899, lengths: [13, 15, 16, 18, 19] }, // Maestro
  { from: 502000, to: 502099, lengths: [13, 15, 16, 18, 19] },
  { from: 503800, to: 503899, lengths: [13, 15, 16, 18, 19] },
  { from: 589300, to: 589399, lengths: [13, 15, 16, 18, 19] },
  { from: 630400, to: 630499, lengths: [13, 15, 16, 18, 19] },
  { from: 675900, to: 676399, lengths: [13, 15, 16, 18, 19] },
  { from: 508500, to: 508999, lengths: [16] }, // RuPay
  { from: 606985, to: 607984, lengths: [16] },
  { from: 608001, to: 608500, lengths: [16] },
  { from: 506099, to: 506198, lengths: [16, 18, 19] }, // Verve
  { from: 979200, to: 979289, lengths: [16] }, // Troy
];

/** Whether an issuer gives out numbers of this length under these first six digits. */
export function issuerTakes(firstSix: number, length: number): boolean {
  for (const range of issuerRanges) {
    if (firstSix >= range.from && firstSix <= range.to && range.lengths.includes(length)) return true;
  }
  return false;
}
