// An answer other than success. k8s: the kubelet's are plain text; the API server makes a Status of them.

export class HttpError extends Error {
  readonly status: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HttpError'
    this.status = status
  }
}
