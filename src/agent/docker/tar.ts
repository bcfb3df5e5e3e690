// Just enough of the tar format (ustar) to hand the engine a few small files.

export interface TarEntry {
  name: string
  bytes: Uint8Array
  /** 0o644 unless given. */
  mode?: number
}

export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Uint8Array[] = []
  for (const { name, bytes, mode = 0o644 } of entries) {
    const header = Buffer.alloc(512)
    const octal = (value: number, at: number, length: number) =>
      header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
    header.write(name, 0, 100, 'latin1')
    octal(mode, 100, 8)
    octal(0, 108, 8)
    octal(0, 116, 8)
    octal(bytes.length, 124, 12)
    octal(0, 136, 12)
    header.fill(' ', 148, 156)
    header.write('0', 156, 'latin1')
    header.write('ustar\x0000', 257, 'latin1')
    const sum = header.reduce((a, b) => a + b, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    blocks.push(header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
