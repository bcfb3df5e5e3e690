// Where load is sent, and as whom.
export interface Target {
  port: number
  ca: string
  cert: string
  key: string
}
