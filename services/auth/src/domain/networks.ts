import { BlockList, isIPv6 } from "node:net";

/**
 * Networks as a function that says whether an address is in one of them. IPv4, by far the most, is compared as numbers: a
 * tenth of what BlockList takes, which judges IPv6. What is no address is in none.
 */
export function compileNetworks(networks: readonly string[]): (address: string) => boolean {
  const v4: { readonly base: number; readonly mask: number }[] = [];
  const v6 = new BlockList();
  for (const network of networks) {
    const [address = "", bits = ""] = network.split("/");
    if (address.includes(":")) v6.addSubnet(address, Number(bits), "ipv6");
    else {
      // A shift by 32 is one by 0.
      const mask = bits === "0" ? 0 : (-1 << (32 - Number(bits))) >>> 0;
      v4.push({ base: ((readV4(address) ?? 0) & mask) >>> 0, mask });
    }
  }
  return (address) => {
    // A dual-stack socket reports IPv4 callers as ::ffff:10.0.0.1.
    const plain = address.startsWith(":") && MAPPED.test(address) ? address.slice(7) : address;
    const number = readV4(plain);
    if (number === undefined) return isIPv6(plain) && v6.check(plain, "ipv6");
    for (const { base, mask } of v4) if ((number & mask) >>> 0 === base) return true;
    return false;
  };
}

const MAPPED = /^::ffff:[\d.]+$/i;
const DOT = 46;
const ZERO = 48;

/** The number of a dotted address, as strict as node:net: four parts, none of them octal. */
function readV4(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let number = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (digits === 0) return undefined;
      number = number * 256 + part;
      dots += 1;
      part = 0;
      digits = 0;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + digit;
    digits += 1;
    if (part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? number * 256 + part : undefined;
}
