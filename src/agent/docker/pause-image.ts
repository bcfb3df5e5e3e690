// The sandbox's image: one layer with the pause program, given to the engine as an image archive. Its bytes depend on nothing but the
// version and the architecture, so its id is the same on every machine.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Ctx } from '../../base/ctx.ts'
import { RuntimeError } from '../cri/runtime.ts'
import { type Engine, isRuntimeError } from './engine.ts'
import { type Architecture, pauseProgram } from './pause-program.ts'
import { tar } from './tar.ts'

/** Raise it when the program or the image's configuration changes. */
const VERSION = '3'
export const PAUSE_IMAGE = `skiff/pause:${VERSION}`

/** Loads the image unless the engine has it. */
export async function ensurePauseImage(engine: Engine, ctx: Ctx): Promise<void> {
  try {
    await engine.call(ctx, (docker) => docker.getImage(PAUSE_IMAGE).inspect())
    return
  } catch (err) {
    if (!isRuntimeError(err, 'NotFound')) throw err
  }
  const { Arch } = await engine.call(ctx, (docker) => docker.version())
  if (Arch !== 'amd64' && Arch !== 'arm64')
    throw new RuntimeError(
      'InvalidArgument',
      `no sandbox image for architecture ${Arch}: amd64 and arm64 are supported`,
    )
  const answer = await engine.call(ctx, (docker) => docker.loadImage(Readable.from([pauseImageArchive(Arch)]), {}))
  let said = ''
  for await (const chunk of answer) said = (said + chunk).slice(0, 4096)
  if (/"error"/.test(said))
    throw new RuntimeError('Unknown', `the engine did not take the sandbox image: ${said.trim()}`)
  engine.log.debug({ image: PAUSE_IMAGE, architecture: Arch }, 'sandbox image loaded')
}

/** In the format of `docker save`. */
export function pauseImageArchive(architecture: Architecture): Buffer {
  const layer = tar([{ name: 'pause', bytes: pauseProgram(architecture), mode: 0o755 }])
  const config = json({
    architecture,
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Entrypoint: ['/pause'], Labels: { 'skiff.image': 'pause' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'skiff' }],
  })
  const configName = `${sha256(config)}.json`
  const manifest = json([{ Config: configName, RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }])
  return tar([
    { name: configName, bytes: config },
    { name: 'layer.tar', bytes: layer },
    { name: 'manifest.json', bytes: manifest },
  ])
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
