// The audit log as the server process sets it up: the policy's file read, the log's file open. Nothing without a policy.
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AuditLog, DEFAULT_ROTATION, RotatedFile, standardOutput } from '../apiserver/audit/audit-log.ts'
import { type AuditPolicy, parsePolicy } from '../apiserver/audit/policy.ts'
import { systemClock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import { loadYaml } from '../base/yaml.ts'
import { CliError, type Config } from './config.ts'
import { fileProblem } from './file-problem.ts'
import type { Paths } from './paths.ts'

const MEGABYTE = 1024 * 1024

/** @throws CliError naming the file, and the field that is wrong */
export async function openAudit(
  config: Config,
  files: Paths,
  log: Logger,
): Promise<{ policy: AuditPolicy; sink: AuditLog } | undefined> {
  if (!config.auditPolicyFile) return undefined
  const policy = await readPolicy(config.auditPolicyFile)
  if (config.auditLogPath === '-') return { policy, sink: new AuditLog(standardOutput(), log) }
  const path = config.auditLogPath || join(files.logs, 'audit.log')
  const maxSize = Number(config.auditLogMaxSize) * MEGABYTE
  const rotation = {
    maxSizeBytes: maxSize || Number.POSITIVE_INFINITY,
    maxBackups: Number(config.auditLogMaxBackup),
    maxAgeDays: Number(config.auditLogMaxAge),
  }
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await RotatedFile.open(path, { ...DEFAULT_ROTATION, ...rotation }, systemClock)
    return { policy, sink: new AuditLog(file, log) }
  } catch (err) {
    throw new CliError(`--audit-log-path ${path}: ${(err as Error).message}`)
  }
}

async function readPolicy(path: string): Promise<AuditPolicy> {
  try {
    return parsePolicy(loadYaml().parse(await readFile(path, 'utf8'), { maxAliasCount: 0 }))
  } catch (err) {
    throw new CliError(`--audit-policy-file ${path}: ${fileProblem(err)}`)
  }
}
