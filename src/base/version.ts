// What we say we are: our own version, and the Kubernetes version whose API and behaviour we keep.

export const SKIFF_VERSION = '0.1.0'
export const KUBERNETES_MINOR = 36
/** `/version`'s gitVersion, the kubelet's version in nodeInfo. */
export const GIT_VERSION = `v1.${KUBERNETES_MINOR}.0+skiff${SKIFF_VERSION}`
