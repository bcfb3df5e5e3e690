import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CliError, parseFlags, resolveConfig, toFlags } from './config.ts'

const resolved = (args: string[] = [], env: NodeJS.ProcessEnv = {}, values?: Record<string, unknown>) =>
  resolveConfig(parseFlags(['--node-name=n', '--docker-host=unix:///d', ...args]), env, () =>
    values ? { file: '/data/cluster.json', values } : undefined,
  )
const refuses = (work: () => unknown, message: RegExp) =>
  assert.throws(work, (err) => {
    assert.ok(err instanceof CliError, String(err))
    assert.match(err.message, message)
    assert.equal(err.exitCode, 2)
    return true
  })
function withFile<T>(text: string, work: (path: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'skiff-config-'))
  try {
    const path = join(dir, 'my config.yaml')
    writeFileSync(path, text)
    return work(path)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

describe('where a setting comes from', () => {
  test('a flag wins over a variable, that over the file, that over the last start, that over the default', () => {
    withFile('apiPort: 3\n', (path) => {
      const file = ['--config', path]
      const saved = { apiPort: 4 }
      const env = { SKIFF_API_PORT: '2' }
      assert.equal(resolved([...file, '--api-port=1'], env, saved).apiPort, 1)
      assert.equal(resolved(file, env, saved).apiPort, 2)
      assert.equal(resolved(file, {}, saved).apiPort, 3)
      assert.equal(resolved([], {}, saved).apiPort, 4)
      assert.equal(resolved().apiPort, 6443)
    })
  })

  test('the file may be named by a variable, and be empty', () => {
    withFile('clusterDomain: home.arpa\nnodeIP: null\n', (path) =>
      assert.equal(resolved([], { SKIFF_CONFIG: path }).clusterDomain, 'home.arpa'),
    )
    withFile('# nothing yet\n', (path) => assert.equal(resolved(['--config', path]).clusterDomain, 'cluster.local'))
  })

  test('the saved settings are those of the data directory that was chosen', () => {
    const asked: string[] = []
    resolveConfig(parseFlags(['--data-dir', '/a/../data', '--node-name=n']), {}, (dataDir) => {
      asked.push(dataDir)
      return undefined
    })
    assert.deepEqual(asked, ['/data'])
  })

  test('a data directory becomes absolute, ports become numbers, and all survives as flags', () => {
    const config = resolved(['--data-dir', 'with space', '--node-ip', '10.0.0.1'])
    assert.equal(config.dataDir, join(process.cwd(), 'with space'))
    assert.equal(config.agentPort, 10_250)
    assert.deepEqual(resolveConfig(parseFlags(toFlags(config)), {}), config)
  })
})

describe('what is wrong is said with where it stands', () => {
  test('flags', () => {
    refuses(() => parseFlags(['--api-prt', '1']), /^unknown flag --api-prt; see skiff help$/)
    refuses(() => parseFlags(['--api-port']), /^--api-port needs a value$/)
    refuses(() => parseFlags(['up']), /^unexpected argument "up"; see skiff help$/)
    refuses(() => parseFlags(['--purge']), /^this command takes no --purge; see skiff help$/)
    refuses(() => parseFlags(['--purge=yes'], ['purge']), /^--purge takes no value$/)
    assert.deepEqual([...parseFlags(['--demo'], ['demo']).switches], ['demo'])
  })

  test('values, each with its origin', () => {
    refuses(() => resolved(['--api-port=99999']), /^--api-port: "99999" must be a port, 1 to 65535$/)
    refuses(() => resolved([], { SKIFF_AGENT_PORT: '' }), /^SKIFF_AGENT_PORT: "" must be a port/)
    refuses(() => resolved([], {}, { apiPort: 'x' }), /^\/data\/cluster\.json: apiPort: "x" must be a port/)
    refuses(() => resolved(['--pod-cidr=10.0.0.0']), /^--pod-cidr: "10.0.0.0" must be an IPv4 range/)
    refuses(() => resolved(['--pod-cidr=10.0.0.0/28']), /must have a prefix of \/8 to \/24$/)
    refuses(() => resolved(['--node-ip=10.0.0.300']), /^--node-ip: "10.0.0.300" must be an IPv4 address$/)
    refuses(() => resolved(['--node-name=Big_Box']), /^--node-name: "Big_Box" must be lower-case letters/)
    refuses(() => resolved(['--name=1']), /^--name: "1" must be 1 to 20 lower-case letters/)
    refuses(() => resolved(['--docker-host=tcp://10.0.0.1:2375']), /must be unix:\/\/\/path/)
  })

  test('settings that do not go together', () => {
    refuses(() => resolved(['--api-port=9000', '--agent-port=9000']), /both 9000: they must differ$/)
    refuses(() => resolved(['--pod-cidr=10.96.0.0/20']), /10\.96\.0\.0\/20 and .* overlap: they must be apart$/)
  })

  test('the file', () => {
    refuses(() => resolved(['--config', '/nowhere.yaml']), /^config file \/nowhere\.yaml does not exist$/)
    withFile('apiPort: [', (path) => refuses(() => resolved(['--config', path]), /my config\.yaml: .*line 1/s))
    withFile('- a\n', (path) => refuses(() => resolved(['--config', path]), /must be a mapping of settings$/))
    withFile('apiport: 1\n', (path) =>
      refuses(() => resolved(['--config', path]), /unknown setting "apiport"; known are dataDir, name, .*apiPort/),
    )
    withFile('apiPort: {a: 1}\n', (path) =>
      refuses(() => resolved(['--config', path]), /my config\.yaml: apiPort: .* must be a port/),
    )
  })
})

describe('the API server’s files', () => {
  test('a command that is applied to something takes that before or behind its flags, and only once', () => {
    const subjects = ['encryption-key']
    const { subject, values } = parseFlags(['encryption-key', '--data-dir=/d'], [], subjects)
    assert.deepEqual([subject, values.get('data-dir')], ['encryption-key', '/d'])
    assert.equal(parseFlags(['--data-dir', '/d', 'encryption-key'], [], subjects).subject, 'encryption-key')
    refuses(() => parseFlags(['encryption-key', 'encryption-key'], [], subjects), /unexpected argument/)
    refuses(() => parseFlags(['encryption-keys'], [], subjects), /unexpected argument "encryption-keys"/)
    refuses(() => parseFlags([], [], subjects), /needs its subject: encryption-key/)
    refuses(() => parseFlags(['--data-dir=/d'], [], subjects), /needs its subject/)
  })

  test('paths are absolute, but for the standard output as the audit log', () => {
    assert.equal(resolved(['--audit-log-path=-']).auditLogPath, '-')
    assert.match(resolved(['--audit-policy-file=policy.yaml']).auditPolicyFile, /^\/.*policy\.yaml$/)
    assert.equal(resolved().auditLogMaxBackup, '10')
    refuses(() => resolved(['--audit-log-maxsize=much']), /--audit-log-maxsize: "much" must be a number/)
  })
})
