// Removes bootstrap tokens at their expiry, each by its own deadline.
import { Secret } from '../../api/kinds/secret.ts'
import { isNotFound } from '../../api/meta/errors.ts'
import { type Controller, defineController } from '../controller.ts'
import { bootstrapToken } from './bootstrap-token.ts'

export const tokenCleaner: Controller<never> = defineController<Secret>({
  name: 'token-cleaner',
  kind: Secret,
  triggers: [],
  async sync(ctx, secret, _key, { client, clock }) {
    if (!secret || secret.metadata.deletionTimestamp) return
    const expiresMs = bootstrapToken(secret)?.expiresMs
    if (expiresMs === undefined) return
    const leftMs = expiresMs - clock.now()
    if (leftMs > 0) return { againInMs: leftMs }
    const { name, namespace, uid } = secret.metadata
    await client.delete(ctx, Secret, { name, namespace }, { preconditions: { uid } }).catch((err) => {
      if (!isNotFound(err)) throw err
    })
  },
})
