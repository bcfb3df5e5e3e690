// Warnings for the user, as one header. k8s: the same text once, all of it in at most 4096 characters: when that is exceeded every
// text is cut to 256, and what is still too much is left out.

const MAX_CHARACTERS = 4096
const CUT_TO = 256

/** Undefined when there is nothing to say. */
export function warningHeader(warnings: readonly string[]): string | undefined {
  // k8s: a text with control characters can't be sent and isn't.
  const texts = [...new Set(warnings)].filter((text) => text !== '' && !/\p{Cc}/u.test(text)).map((text) => [...text])
  const fits = texts.reduce((total, text) => total + text.length, 0) <= MAX_CHARACTERS
  const sent: string[] = []
  let written = 0
  for (const text of texts) {
    if (!fits && written >= MAX_CHARACTERS) break
    const characters = fits ? text : text.slice(0, CUT_TO)
    written += characters.length
    sent.push(`299 - "${headerBytes(characters.join('').replace(/[\\"]/g, '\\$&'))}"`)
  }
  return sent.length > 0 ? sent.join(', ') : undefined
}

/** Headers are bytes, which Node takes as characters up to 255. */
const headerBytes = (text: string) => (/^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(text).toString('latin1'))
