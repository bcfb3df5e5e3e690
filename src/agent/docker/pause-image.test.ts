import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PAUSE_IMAGE, pauseImageArchive } from './pause-image.ts'
import { pauseCode, pauseProgram } from './pause-program.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('the code of both architectures is what was disassembled and run when it was written', () => {
  assert.equal(sha256(pauseCode('amd64')), '0f28456625e8052f4e24e4dc4d84624a938b92968886307c7ceb457f405a97db')
  assert.equal(sha256(pauseCode('arm64')), '186ac124ad12ba76a5088ae0bc3cf6b3098e5e904ebff61813708a8fc4cb8792')
})

test('the image archive names one layer and its digest, the same every time', () => {
  const archive = pauseImageArchive('arm64')
  assert.deepEqual(archive, pauseImageArchive('arm64'))
  const entries = untar(archive)
  const [manifest] = JSON.parse(String(entries.get('manifest.json')))
  assert.deepEqual(manifest.RepoTags, [PAUSE_IMAGE])
  const config = JSON.parse(String(entries.get(manifest.Config)))
  assert.equal(config.architecture, 'arm64')
  assert.equal(config.rootfs.diff_ids[0], `sha256:${sha256(entries.get('layer.tar')!)}`)
  assert.deepEqual(untar(entries.get('layer.tar')!).get('pause'), pauseProgram('arm64'))
})

const own = process.platform === 'linux' && ({ x64: 'amd64', arm64: 'arm64' } as const)[process.arch as 'x64' | 'arm64']

test('the program ends at once on SIGTERM and SIGINT, reaps its children, and fails on what is no namespace', {
  skip: !own,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'skiff-pause-'))
  const program = join(directory, 'pause')
  try {
    await writeFile(program, pauseProgram(own as 'amd64'), { mode: 0o755 })
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      // The shell leaves a child behind and becomes the program, which inherits it; the child says when it is about to end.
      const child = spawn('sh', ['-c', `(echo ended) & exec ${program}`], { stdio: ['ignore', 'pipe', 'ignore'] })
      const ended = once(child, 'exit')
      try {
        await once(child.stdout, 'data')
        await until(async () => !/\bZ\b/.test(await childStates(child.pid!)))
      } finally {
        child.kill(signal)
      }
      assert.deepEqual(await ended, [0, null])
    }
    const [code] = await once(spawn(program, ['/etc/passwd'], { stdio: 'ignore' }), 'exit')
    assert.equal(code, 1)
  } finally {
    await rm(directory, { recursive: true })
  }
})

/** The states of a process's children. */
async function childStates(pid: number): Promise<string> {
  const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  if (comm.trim() !== 'pause') return 'Z' // it is the shell still
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
    .trim()
    .split(' ')
    .filter(Boolean)
  const stats = await Promise.all(children.map((child) => readFile(`/proc/${child}/stat`, 'utf8').catch(() => '')))
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)).join(' ')
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    if (await condition()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail('it did not come true in time')
}

function untar(bytes: Buffer): Map<string, Buffer> {
  const entries = new Map<string, Buffer>()
  for (let at = 0; bytes[at] !== 0; ) {
    const name = bytes.toString('latin1', at, at + 100).replace(/\0.*$/, '')
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8)
    entries.set(name, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return entries
}
