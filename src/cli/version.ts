// `skiff version`.
import { GIT_VERSION, SKIFF_VERSION } from '../base/version.ts'

export async function run(): Promise<number> {
  process.stdout.write(`skiff ${SKIFF_VERSION} (Kubernetes API ${GIT_VERSION})\n`)
  return 0
}
