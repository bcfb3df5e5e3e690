// Names that the server completes: `generateName` plus five characters that spell no word.

/** k8s: no vowels, no characters that look alike. */
export const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const MAX_LENGTH = 63

export function randomSuffix(length: number, random: () => number = Math.random): string {
  let suffix = ''
  for (let i = 0; i < length; i++) suffix += SAFE_ALPHABET[Math.floor(random() * SAFE_ALPHABET.length)]
  return suffix
}

/** The prefix is cut so that the name has at most 63 characters. `random` gives numbers in [0, 1). */
export function generatedName(prefix: string, random: () => number = Math.random): string {
  return prefix.slice(0, MAX_LENGTH - SUFFIX_LENGTH) + randomSuffix(SUFFIX_LENGTH, random)
}

/** Every character mapped into the alphabet, so that a hash can be part of a name. */
export function safeEncode(text: string): string {
  let encoded = ''
  for (let i = 0; i < text.length; i++) encoded += SAFE_ALPHABET[text.charCodeAt(i) % SAFE_ALPHABET.length]
  return encoded
}
