/** FNV-1a, 32 bit, over the UTF-8 bytes of a text. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Kubernetes' alphabet for hashes in names (rand.SafeEncodeString): a character stands for its code modulo 27. */
const SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** Decimal or hexadecimal text to a text without vowels and look-alikes (K8S-210: 0→4, 1→5, … 9→f). */
export function safeEncode(text: string): string {
  let encoded = "";
  for (let index = 0; index < text.length; index++) {
    encoded += SAFE_ALPHABET[text.charCodeAt(index) % SAFE_ALPHABET.length];
  }
  return encoded;
}
