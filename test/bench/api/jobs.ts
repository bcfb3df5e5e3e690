// What the process that makes the load can be asked for, and what it answers. Plain data: it travels between processes.
import type { Target } from './target.ts'

export interface RateJob {
  kind: 'rate'
  target: Target
  protocol: 'http/1.1' | 'h2'
  connections: number
  total: number
  method: string
  /** `#` stands for the number of the request, modulo `modulo`. */
  path: string
  body?: string
  first: number
  modulo: number
}

export interface PagesJob {
  kind: 'pages'
  target: Target
  path: string
  rounds: number
}

export interface WatchJob {
  kind: 'watch'
  target: Target
  watchers: number
  /** Of the collection; objects are `<collection>/watched-<writer>`. */
  collection: string
  resourceVersion: string
  updates: number
  /** How many updates are under way at once; each writer has an object of its own. */
  writers: number
  /** Updates begun per second; 0: as fast as it goes. */
  perSecond: number
  /** `#name` and `#n` are filled in. */
  body: string
}

export type Job = RateJob | PagesJob | WatchJob

export interface Result {
  count: number
  seconds: number
  p50Ms: number
  p99Ms: number
  /** Of one answer. */
  sizeBytes: number
}
