// Prefers nodes that have the pod's images already: by their size, and less so for images that only few nodes have. Only scores.
import { MAX_SCORE, type Plugin } from '../framework.ts'

// k8s: below and above these sizes (the upper one for each container) the score is 0 and 100
const SMALLEST_BYTES = 23 * 1024 * 1024
const LARGEST_BYTES_EACH = 1000 * 1024 * 1024

/** k8s: an image without tag means `:latest`. */
export function fullImageName(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name
}

export const imageLocality: Plugin = {
  name: 'ImageLocality',
  prepare({ pod }, { nodes: allNodes }) {
    const images = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((c) => fullImageName(c.image ?? ''))
    const weighed = images.flatMap((image) => {
      const holders = allNodes.filter((node) => node.imageSizes.has(image)).length
      return holders === 0 ? [] : [{ image, spread: holders / allNodes.length }]
    })
    if (weighed.length === 0) return undefined
    const largest = LARGEST_BYTES_EACH * images.length
    return {
      score: (nodes) =>
        nodes.map(({ imageSizes }) => {
          const sum = weighed.reduce((total, { image, spread }) => total + (imageSizes.get(image) ?? 0) * spread, 0)
          const bytes = Math.min(Math.max(Math.floor(sum), SMALLEST_BYTES), largest)
          return Math.floor((MAX_SCORE * (bytes - SMALLEST_BYTES)) / (largest - SMALLEST_BYTES))
        }),
    }
  },
  mayHelp: () => false,
}
