// For tests: a sealer that encrypts every value with a key that never changes.
import { parseEncryptionConfiguration } from './configuration.ts'
import { KeyedSealer } from './sealer.ts'

export const testSealer = () =>
  new KeyedSealer(
    'the keys of the tests',
    parseEncryptionConfiguration({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'EncryptionConfiguration',
      resources: [
        {
          resources: ['*.*'],
          providers: [{ aesgcm: { keys: [{ name: 'test', secret: Buffer.alloc(32, 'test').toString('base64') }] } }],
        },
      ],
    }),
  )
