// Terminal sizes as clients send them: JSON documents `{"Width":80,"Height":24}` one after the other, cut anywhere.

const MAX_PENDING = 4096

export async function* terminalSizes(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ width: number; height: number }> {
  let pending = ''
  const decoder = new TextDecoder()
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true })
    for (let end = pending.indexOf('}'); end >= 0; end = pending.indexOf('}')) {
      const size = parseSize(pending.slice(0, end + 1))
      pending = pending.slice(end + 1)
      if (size) yield size
    }
    if (pending.length > MAX_PENDING) return
  }
}

function parseSize(text: string): { width: number; height: number } | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown }
    const valid = (n: unknown): n is number => Number.isInteger(n) && (n as number) > 0 && (n as number) < 65_536
    return valid(width) && valid(height) ? { width, height } : undefined
  } catch {
    return undefined
  }
}
