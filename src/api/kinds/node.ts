import type * as types from '../types/core.v1.ts'
import { defineKind } from './kind.ts'

export type Node = types.Node

export const Node = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  scope: 'Cluster',
  shortNames: ['no'],
  subresources: ['status', 'proxy'],
})
