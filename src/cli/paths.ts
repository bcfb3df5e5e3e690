// Where a cluster's files are, below its data directory.
import { join } from 'node:path'

export function paths(dataDir: string) {
  const run = join(dataDir, 'run')
  const logs = join(dataDir, 'logs')
  return {
    dataDir,
    /** The settings the cluster was last started with. Its presence marks the directory as ours. */
    settings: join(dataDir, 'cluster.json'),
    kubeconfig: join(dataDir, 'kubeconfig'),
    pki: join(dataDir, 'pki'),
    database: join(dataDir, 'db'),
    /** What Secrets in the database are encrypted with. */
    encryptionKeys: join(dataDir, 'pki', 'encryption.json'),
    agent: join(dataDir, 'agent'),
    logs,
    run,
    supervisorPid: join(run, 'supervisor.pid'),
    /** Its presence says that systemd runs the processes, not our supervisor. */
    systemd: join(run, 'systemd'),
    /** Held by the `skiff up` that is starting the processes. */
    startLock: join(run, 'up.pid'),
    pid: (component: 'server' | 'agent') => join(run, `${component}.pid`),
    /** Written by a component when it serves. */
    ready: (component: 'server' | 'agent') => join(run, `${component}.ready`),
    /** Written by the supervisor with the exit code when a component died. */
    failed: (component: 'server' | 'agent') => join(run, `${component}.failed`),
    log: (component: 'server' | 'agent' | 'docker') => join(logs, `${component}.log`),
    /** Of a Docker Engine that `up` started by hand. */
    dockerPid: join(run, 'docker.pid'),
  }
}
export type Paths = ReturnType<typeof paths>
