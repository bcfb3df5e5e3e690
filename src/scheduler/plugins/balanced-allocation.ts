// Prefers nodes on which cpu and memory would be used to the same degree, so that neither is left over. Only scores.
import { CPU, MEMORY } from '../amounts.ts'
import { MAX_SCORE, type Plugin } from '../framework.ts'

export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  prepare({ requests }) {
    // k8s: pods that ask for neither have nothing to balance
    if (!requests.get(CPU) && !requests.get(MEMORY)) return undefined
    return {
      score: (nodes) =>
        nodes.map((node) => {
          const shares = [CPU, MEMORY].flatMap((resource) => {
            const capacity = node.allocatable.get(resource) ?? 0
            const used = (node.requested.get(resource) ?? 0) + (requests.get(resource) ?? 0)
            return capacity === 0 ? [] : [Math.min(used / capacity, 1)]
          })
          // the standard deviation of two values is half their distance
          const deviation = shares.length === 2 ? Math.abs(shares[0]! - shares[1]!) / 2 : 0
          return Math.floor((1 - deviation) * MAX_SCORE)
        }),
    }
  },
  mayHelp: () => false,
}
