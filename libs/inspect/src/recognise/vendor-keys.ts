import { endOf, isAlnum, isBase64Url, isDigit, isWord } from "../chars.ts";
import { looksRandom } from "./randomness.ts";

type VendorKey = {
  readonly prefix: string;
  readonly alphabet: (code: number) => boolean;
  /** Characters after the prefix. */
  readonly min: number;
  readonly max: number;
  /** The prefix alone is not telling enough: what follows must look random. */
  readonly random?: boolean;
};

/** No vendor issues a longer one; what goes on beyond is no key. */
const longest = 512;

/** Of two prefixes that fit, the longer one stands first. */
const vendorKeys: readonly VendorKey[] = [
  { prefix: "sk-ant-", alphabet: isBase64Url, min: 20, max: longest }, // Anthropic
  { prefix: "sk-proj-", alphabet: isBase64Url, min: 20, max: longest }, // OpenAI
  { prefix: "sk-", alphabet: isBase64Url, min: 20, max: longest, random: true },
  { prefix: "sk_live_", alphabet: isAlnum, min: 16, max: longest }, // Stripe
  { prefix: "sk_test_", alphabet: isAlnum, min: 16, max: longest },
  { prefix: "rk_live_", alphabet: isAlnum, min: 16, max: longest },
  { prefix: "github_pat_", alphabet: isWord, min: 22, max: 255 },
  { prefix: "ghp_", alphabet: isAlnum, min: 36, max: 255 },
  { prefix: "gho_", alphabet: isAlnum, min: 36, max: 255 },
  { prefix: "ghu_", alphabet: isAlnum, min: 36, max: 255 },
  { prefix: "ghs_", alphabet: isAlnum, min: 36, max: 255 },
  { prefix: "ghr_", alphabet: isAlnum, min: 36, max: 255 },
  { prefix: "glpat-", alphabet: isBase64Url, min: 20, max: 255 },
  { prefix: "AKIA", alphabet: isUpperOrDigit, min: 16, max: 16 }, // AWS
  { prefix: "ASIA", alphabet: isUpperOrDigit, min: 16, max: 16 },
  { prefix: "AIza", alphabet: isBase64Url, min: 35, max: 35 }, // Google
  { prefix: "xoxb-", alphabet: isBase64Url, min: 10, max: 255 }, // Slack
  { prefix: "xoxp-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "xoxa-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "xoxr-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "xoxs-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "xoxe-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "xapp-", alphabet: isBase64Url, min: 10, max: 255 },
  { prefix: "npm_", alphabet: isAlnum, min: 36, max: 36 },
  { prefix: "hf_", alphabet: isAlnum, min: 30, max: 64 },
  { prefix: "dop_v1_", alphabet: isAlnum, min: 64, max: 64 },
  { prefix: "shpat_", alphabet: isAlnum, min: 32, max: 32 },
];

export const vendorPrefixes: readonly string[] = vendorKeys.map((key) => key.prefix);

/** Where the key that starts here ends, or -1. The character before must not be of the base64url alphabet. */
export function vendorKeyEnd(text: string, start: number): number {
  for (const { prefix, alphabet, min, max, random } of vendorKeys) {
    if (!text.startsWith(prefix, start)) continue;
    const from = start + prefix.length;
    const end = endOf(text, from, alphabet, max + 1);
    if (end - from < min || end - from > max) return -1;
    return random && !looksRandom(text.slice(from, end), 3) ? -1 : end;
  }
  return -1;
}

function isUpperOrDigit(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90);
}
