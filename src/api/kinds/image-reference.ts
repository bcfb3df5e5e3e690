// The tag of an image reference, as the image pull policy's default needs it.

const REFERENCE =
  /^(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::([\w][\w.-]{0,127}))?(@[\w+.-]+:[0-9a-fA-F]{32,})?$/

/** `latest` when a reference names neither tag nor digest; empty for a digest alone and for a text that is no reference. */
export function imageTag(image: string): string {
  const match = image.length <= 1024 ? REFERENCE.exec(image) : null
  if (!match) return ''
  const [, tag, digest] = match
  return tag ?? (digest ? '' : 'latest')
}
