// What the API server is measured against: fastify, TLS and LevelDB with nothing in between. Objects are kept in memory and written
// in synced groups, as Skiff does; there is no authorisation, no validation, no log and nobody watching. HTTP/1.1.
import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import { Level } from 'level'

const [directory = '', cert = '', key = '', ca = '', port = ''] = process.argv.slice(2)
const level = new Level<string, Buffer>(directory, { valueEncoding: 'buffer' })
const objects = new Map<string, Buffer>()

interface Waiting {
  key: string
  value: Buffer
  resolve: () => void
  reject: (err: unknown) => void
}
let waiting: Waiting[] = []
let writing = false

async function flush(): Promise<void> {
  writing = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    try {
      await level.batch(
        group.map(({ key, value }) => ({ type: 'put' as const, key, value })),
        { sync: true } as object,
      )
      for (const { resolve } of group) resolve()
    } catch (err) {
      for (const { reject } of group) reject(err)
    }
    if (group.length > 1) await new Promise((resolve) => setImmediate(resolve))
  }
  writing = false
}

const write = (key: string, value: Buffer) =>
  new Promise<void>((resolve, reject) => {
    waiting.push({ key, value, resolve, reject })
    if (!writing) void flush()
  })

const app = fastify({
  https: {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ca: readFileSync(ca),
    requestCert: true,
    rejectUnauthorized: false,
  },
})
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
app.post('/objects/:name', async (request, reply) => {
  const { name } = request.params as { name: string }
  const object = JSON.parse((request.body as Buffer).toString()) as object
  const bytes = Buffer.from(JSON.stringify(object))
  await write(name, bytes)
  objects.set(name, bytes)
  return reply.code(201).header('content-type', 'application/json').send(bytes)
})
app.get('/objects/:name', async (request, reply) => {
  const { name } = request.params as { name: string }
  return reply.header('content-type', 'application/json').send(objects.get(name))
})
app.get('/readyz', async () => 'ok')
await level.open()
await app.listen({ host: '127.0.0.1', port: Number(port) })

process.once('SIGTERM', () => process.exit(0))
