// The program that holds a pod's namespaces open: a static ELF of a few hundred bytes, made here so that no registry is needed.
// With an argument it first enters the network namespace that this file stands for and gives up all capabilities; if it can't, it ends
// with 1. Then it blocks SIGINT, SIGTERM and SIGCHLD and waits for them. SIGCHLD: it reaps every child that has ended (in a shared PID
// namespace it is PID 1 and inherits orphans). The others: it ends with 0 at once. PID 1 gets no signals that it neither handles nor blocks.

export type Architecture = 'amd64' | 'arm64'

// The signal set 0x14002 has bits n-1 for the signals n: SIGINT 2, SIGTERM 15, SIGCHLD 17.
const AMD64 = bytesOf(`
  5f              pop rdi                 number of arguments
  ff cf           dec edi
  7e 36           jle wait_setup          none: no namespace to enter
  5f              pop rdi
  5f              pop rdi                 the first argument: a path
  31 f6           xor esi,esi
  6a 02           push 0x2                open
  58              pop rax
  0f 05           syscall
  89 c7           mov edi,eax             the file
  be 00 00 00 40  mov esi,0x40000000      CLONE_NEWNET
  b8 34 01 00 00  mov eax,0x134           setns
  0f 05           syscall
  85 c0           test eax,eax
  75 69           jne fail
  6a 03           push 0x3                close
  58              pop rax
  0f 05           syscall
  31 c0           xor eax,eax             24 bytes of zeros: no capabilities
  50              push rax
  50              push rax
  50              push rax
  48 89 e6        mov rsi,rsp
  bf 22 05 08 20  mov edi,0x20080522      version 3 of the structure
  57              push rdi
  48 89 e7        mov rdi,rsp
  6a 7e           push 0x7e               capset
  58              pop rax
  0f 05           syscall
  68 02 40 01 00  push 0x14002            wait_setup: the signal set; rsp points at it from now on
  48 89 e6        mov rsi,rsp
  31 ff           xor edi,edi             SIG_BLOCK
  31 d2           xor edx,edx
  6a 08           push 0x8                size of the set
  41 5a           pop r10
  6a 0e           push 0xe                rt_sigprocmask
  58              pop rax
  0f 05           syscall
  6a ff           push -1                 reap: any child; some may have ended before the signals were blocked
  5f              pop rdi
  31 f6           xor esi,esi
  6a 01           push 0x1                WNOHANG
  5a              pop rdx
  45 31 d2        xor r10d,r10d
  6a 3d           push 0x3d               wait4
  58              pop rax
  0f 05           syscall
  85 c0           test eax,eax
  7f ec           jg reap                 one more may have ended
  48 89 e7        mov rdi,rsp             wait:
  31 f6           xor esi,esi
  31 d2           xor edx,edx
  6a 08           push 0x8
  41 5a           pop r10
  68 80 00 00 00  push 0x80               rt_sigtimedwait
  58              pop rax
  0f 05           syscall
  83 f8 11        cmp eax,0x11            SIGCHLD?
  74 d4           je reap
  85 c0           test eax,eax
  78 e4           js wait                 interrupted
  31 ff           xor edi,edi
  b8 e7 00 00 00  mov eax,0xe7            exit: exit_group
  0f 05           syscall
  6a 01           push 0x1                fail: the exit code 1
  5f              pop rdi
  eb f4           jmp exit
`)

const ARM64 = bytesOf(`
  e0 03 40 f9  ldr x0, [sp]            number of arguments
  1f 04 00 f1  cmp x0, #0x1
  2d 03 00 54  b.le wait_setup         none: no namespace to enter
  60 0c 80 92  mov x0, #-100           AT_FDCWD
  e1 0b 40 f9  ldr x1, [sp, #16]       the first argument: a path
  02 00 80 d2  mov x2, #0x0
  03 00 80 d2  mov x3, #0x0
  08 07 80 d2  mov x8, #0x38           openat
  01 00 00 d4  svc #0x0
  f3 03 00 aa  mov x19, x0             the file
  01 00 a8 d2  mov x1, #0x40000000     CLONE_NEWNET
  88 21 80 d2  mov x8, #0x10c          setns
  01 00 00 d4  svc #0x0
  60 05 00 35  cbnz w0, fail
  e0 03 13 aa  mov x0, x19
  28 07 80 d2  mov x8, #0x39           close
  01 00 00 d4  svc #0x0
  ff 83 00 d1  sub sp, sp, #0x20
  ff 7f 00 a9  stp xzr, xzr, [sp]      24 bytes of zeros: no capabilities
  ff 0b 00 f9  str xzr, [sp, #16]
  49 a4 80 52  mov w9, #0x522          version 3 of the structure
  09 01 a4 72  movk w9, #0x2008, lsl #16
  e9 0f 00 f9  str x9, [sp, #24]
  e0 63 00 91  add x0, sp, #0x18
  e1 03 00 91  mov x1, sp
  68 0b 80 d2  mov x8, #0x5b           capset
  01 00 00 d4  svc #0x0
  49 00 88 52  mov w9, #0x4002         wait_setup: the signal set; sp points at it from now on
  29 00 a0 72  movk w9, #0x1, lsl #16
  e9 0f 1f f8  str x9, [sp, #-16]!
  00 00 80 d2  mov x0, #0x0            SIG_BLOCK
  e1 03 00 91  mov x1, sp
  02 00 80 d2  mov x2, #0x0
  03 01 80 d2  mov x3, #0x8            size of the set
  e8 10 80 d2  mov x8, #0x87           rt_sigprocmask
  01 00 00 d4  svc #0x0
  00 00 80 92  mov x0, #-1             reap: any child; some may have ended before the signals were blocked
  01 00 80 d2  mov x1, #0x0
  22 00 80 d2  mov x2, #0x1            WNOHANG
  03 00 80 d2  mov x3, #0x0
  88 20 80 d2  mov x8, #0x104          wait4
  01 00 00 d4  svc #0x0
  1f 00 00 71  cmp w0, #0x0
  2c ff ff 54  b.gt reap               one more may have ended
  e0 03 00 91  mov x0, sp              wait:
  01 00 80 d2  mov x1, #0x0
  02 00 80 d2  mov x2, #0x0
  03 01 80 d2  mov x3, #0x8
  28 11 80 d2  mov x8, #0x89           rt_sigtimedwait
  01 00 00 d4  svc #0x0
  1f 44 00 71  cmp w0, #0x11           SIGCHLD?
  20 fe ff 54  b.eq reap
  00 ff ff 37  tbnz w0, #31, wait      interrupted
  00 00 80 d2  mov x0, #0x0
  c8 0b 80 d2  mov x8, #0x5e           exit: exit_group
  01 00 00 d4  svc #0x0
  20 00 80 d2  mov x0, #0x1            fail: the exit code 1
  fd ff ff 17  b exit
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
