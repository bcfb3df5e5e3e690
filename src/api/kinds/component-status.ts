// ComponentStatus: the health of the control plane's parts; read only and computed.

import type * as types from '../types/core.v1.ts'
import { text } from './columns.ts'
import { defineKind } from './kind.ts'

export type ComponentStatus = types.ComponentStatus

type Conditions = { readonly conditions?: readonly types.ComponentCondition[] }
const healthy = ({ conditions }: Conditions) => conditions?.find((condition) => condition.type === 'Healthy')

export const ComponentStatus = defineKind<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  scope: 'Cluster',
  shortNames: ['cs'],
  verbs: ['get', 'list'],
  description: 'The health of a part of the control plane.',
  deprecated: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    text(
      'Status',
      (c) => (healthy(c)?.status === 'True' ? 'Healthy' : healthy(c) ? 'Unhealthy' : 'Unknown'),
      'Health.',
    ),
    text('Message', (c) => healthy(c)?.message ?? '', 'What it says.'),
    text('Error', (c) => healthy(c)?.error ?? '', 'What is wrong.'),
  ],
})
