// Manifests of pods for end-to-end tests, of an image that every test host has.

/** A pod with the image at hand that ends at once when it is told to. */
export const podManifest = (name: string, spec: string, labels = '') => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { run: ${name}${labels} }, annotations: { note: "a note" } }
spec:
  terminationGracePeriodSeconds: 1
${spec.replace(/^\n/, '').replace(/\n\s*$/, '')}
`
export const IMAGE = 'image: busybox:latest, imagePullPolicy: IfNotPresent'
export const SLEEP = 'command: [sh, -c, "trap exit TERM; sleep 3600 & wait"]'
