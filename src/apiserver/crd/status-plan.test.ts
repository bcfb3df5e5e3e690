import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CustomResourceDefinition } from '../../api/types/apiextensions.v1.ts'
import { plannedStatus } from './status-plan.ts'

const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
const definition = (spec: object, status: object = {}) =>
  ({
    metadata: { name: 'boxes.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boxes', kind: 'Box' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: spec } }],
    },
    status,
  }) as unknown as CustomResourceDefinition
const conditionsOf = (status: ReturnType<typeof plannedStatus>) =>
  (status.conditions ?? []).map(({ type, status, reason, message }) => ({ type, status, reason, message }))

describe('the status of a definition', () => {
  it('says of an old schema that it could not be written today, until it could', () => {
    const old = definition({ type: 'object', properties: { spec: { properties: { a: { type: 'string' } } } } })
    const planned = plannedStatus(old, [], NOW_MS)
    const found = conditionsOf(planned).find(({ type }) => type === 'NonStructuralSchema')
    const path = 'spec.versions[0].schema.openAPIV3Schema.properties[spec].type'
    assert.deepEqual(found, {
      type: 'NonStructuralSchema',
      status: 'True',
      reason: 'Violations',
      message: `${path}: Required value: must not be empty for specified object fields`,
    })
    const mended = plannedStatus(definition({ type: 'object' }, planned), [], NOW_MS)
    assert.deepEqual(
      conditionsOf(mended).map(({ type, status }) => [type, status]),
      [
        ['NamesAccepted', 'True'],
        ['Established', 'True'],
      ],
    )
  })

  it('refuses names that another definition of the group has', () => {
    const acceptedNames = { plural: 'boxes', kind: 'Box' }
    const other = definition({ type: 'object' }, { acceptedNames })
    const conditions = conditionsOf(plannedStatus(definition({ type: 'object' }), [other], NOW_MS))
    assert.deepEqual(
      conditions.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['NamesAccepted', 'False', 'KindConflict'],
        ['Established', 'False', 'NotAccepted'],
      ],
    )
  })
})
