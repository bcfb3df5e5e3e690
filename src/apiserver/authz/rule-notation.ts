// A short way to write RBAC rules as data: words separated by blanks.
import type { PolicyRule } from '../../api/types/rbac.v1.ts'

const words = (text: string) => text.split(' ')

export const READ = 'get list watch'
export const WRITE = 'create delete deletecollection patch update'
export const READ_WRITE = `${READ} ${WRITE}`
export const CORE = '""'

/** `group` may name several; the core group is written `""`. */
export function allow(verbs: string, group: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(group).map((name) => (name === CORE ? '' : name)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
  }
}

export const allowUrls = (verbs: string, urls: string): PolicyRule => ({
  verbs: words(verbs),
  nonResourceURLs: words(urls),
})

/** k8s: events may be written in either of their groups. */
export const EVENTS = allow('create patch update', `${CORE} events.k8s.io`, 'events')
