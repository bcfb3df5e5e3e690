// The program that holds a pod's namespaces open: a static ELF of a few hundred bytes, made here so that no registry is needed.
// It blocks SIGINT, SIGTERM and SIGCHLD and waits for them. SIGCHLD: it reaps every child that has ended (in a shared PID namespace
// it is PID 1 and inherits orphans). The others: it exits with 0 at once. PID 1 gets no signals that it neither handles nor blocks.

export type Architecture = 'amd64' | 'arm64'

/** Signals n as bits n-1: SIGINT 2, SIGTERM 15, SIGCHLD 17. */
export const SIGNAL_SET = (1 << 1) | (1 << 14) | (1 << 16)

const AMD64 = bytesOf(`
  68 02 40 01 00  push 0x14002            the signal set; rsp points at it from now on
  48 89 e6        mov rsi, rsp
  31 ff           xor edi, edi            SIG_BLOCK
  31 d2           xor edx, edx
  6a 08           push 8                  size of the set
  41 5a           pop r10
  6a 0e           push 14                 rt_sigprocmask
  58              pop rax
  0f 05           syscall
  48 89 e7        mov rdi, rsp            wait:
  31 f6           xor esi, esi
  31 d2           xor edx, edx
  6a 08           push 8
  41 5a           pop r10
  68 80 00 00 00  push 128                rt_sigtimedwait
  58              pop rax
  0f 05           syscall
  83 f8 11        cmp eax, 17             SIGCHLD?
  74 0d           je reap
  85 c0           test eax, eax
  78 e4           js wait                 interrupted
  31 ff           xor edi, edi
  b8 e7 00 00 00  mov eax, 231            exit_group
  0f 05           syscall
  6a ff           push -1                 reap: any child
  5f              pop rdi
  31 f6           xor esi, esi
  6a 01           push 1                  WNOHANG
  5a              pop rdx
  45 31 d2        xor r10d, r10d
  6a 3d           push 61                 wait4
  58              pop rax
  0f 05           syscall
  85 c0           test eax, eax
  7f ec           jg reap                 one more may have ended
  eb c5           jmp wait
`)

const ARM64 = bytesOf(`
  49 00 88 52  movz w9, #0x4002           the signal set
  29 00 a0 72  movk w9, #1, lsl #16
  e9 0f 1f f8  str x9, [sp, #-16]!        sp points at it from now on
  00 00 80 d2  mov x0, #0                 SIG_BLOCK
  e1 03 00 91  mov x1, sp
  02 00 80 d2  mov x2, #0
  03 01 80 d2  mov x3, #8                 size of the set
  e8 10 80 d2  mov x8, #135               rt_sigprocmask
  01 00 00 d4  svc #0
  e0 03 00 91  mov x0, sp                 wait:
  01 00 80 d2  mov x1, #0
  02 00 80 d2  mov x2, #0
  03 01 80 d2  mov x3, #8
  28 11 80 d2  mov x8, #137               rt_sigtimedwait
  01 00 00 d4  svc #0
  1f 44 00 71  cmp w0, #17                SIGCHLD?
  a0 00 00 54  b.eq reap
  00 ff ff 37  tbnz w0, #31, wait         interrupted
  00 00 80 d2  mov x0, #0
  c8 0b 80 d2  mov x8, #94                exit_group
  01 00 00 d4  svc #0
  00 00 80 92  mov x0, #-1                reap: any child
  01 00 80 d2  mov x1, #0
  22 00 80 d2  mov x2, #1                 WNOHANG
  03 00 80 d2  mov x3, #0
  88 20 80 d2  mov x8, #260               wait4
  01 00 00 d4  svc #0
  1f 00 00 71  cmp w0, #0
  2c ff ff 54  b.gt reap                  one more may have ended
  ec ff ff 17  b wait
`)

/** The bytes at the start of each line of a listing. */
function bytesOf(listing: string): Buffer {
  const lines = listing.trim().split('\n')
  return Buffer.concat(
    lines.map((line) => Buffer.from(/^\s*((?:[0-9a-f]{2} )+) /.exec(line)?.[1]?.replaceAll(' ', '') ?? '', 'hex')),
  )
}

export const pauseCode = (architecture: Architecture): Buffer => (architecture === 'arm64' ? ARM64 : AMD64)

const BASE = 0x400000
const FILE_HEADER = 64
const SEGMENT_HEADER = 56

/** The whole executable: file header, two segment headers (the code; a stack that is not executable), code. */
export function pauseProgram(architecture: Architecture): Buffer {
  const code = pauseCode(architecture)
  const codeAt = FILE_HEADER + 2 * SEGMENT_HEADER
  const size = codeAt + code.length
  const elf = Buffer.alloc(codeAt)
  elf.write('\x7fELF\x02\x01\x01', 0, 'latin1') // 64 bit, little endian, version 1
  elf.writeUInt16LE(2, 16) // executable
  elf.writeUInt16LE(architecture === 'arm64' ? 183 : 62, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(BigInt(BASE + codeAt), 24) // entry
  elf.writeBigUInt64LE(BigInt(FILE_HEADER), 32)
  elf.writeUInt16LE(FILE_HEADER, 52)
  elf.writeUInt16LE(SEGMENT_HEADER, 54)
  elf.writeUInt16LE(2, 56)
  elf.writeUInt16LE(64, 58)
  segment(elf, FILE_HEADER, { type: 1, flags: 5, address: BASE, size, align: 0x10000 })
  segment(elf, FILE_HEADER + SEGMENT_HEADER, { type: 0x6474e551, flags: 6, address: 0, size: 0, align: 16 })
  return Buffer.concat([elf, code])
}

function segment(
  elf: Buffer,
  at: number,
  s: { type: number; flags: number; address: number; size: number; align: number },
): void {
  elf.writeUInt32LE(s.type, at)
  elf.writeUInt32LE(s.flags, at + 4)
  elf.writeBigUInt64LE(0n, at + 8)
  elf.writeBigUInt64LE(BigInt(s.address), at + 16)
  elf.writeBigUInt64LE(BigInt(s.address), at + 24)
  elf.writeBigUInt64LE(BigInt(s.size), at + 32)
  elf.writeBigUInt64LE(BigInt(s.size), at + 40)
  elf.writeBigUInt64LE(BigInt(s.align), at + 48)
}
