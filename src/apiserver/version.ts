// What /version says: the Kubernetes version whose API this is, with Skiff's own behind it.
import { GIT_VERSION, KUBERNETES_MINOR } from '../base/version.ts'

/** k8s: major and minor are plain integers. */
export const VERSION_INFO = {
  major: '1',
  minor: String(KUBERNETES_MINOR),
  emulationMajor: '1',
  emulationMinor: String(KUBERNETES_MINOR),
  minCompatibilityMajor: '1',
  minCompatibilityMinor: String(KUBERNETES_MINOR - 1),
  gitVersion: GIT_VERSION,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node${process.versions.node}`,
  compiler: 'node',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const
