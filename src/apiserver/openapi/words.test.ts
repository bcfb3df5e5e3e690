import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readDescriptions } from '../../../scripts/descriptions.ts'
import { openWords } from './words.ts'

const built = readDescriptions(join(import.meta.dirname, '../../..'))

test('types and fields have the words of the official typings, whose class names follow the group where they must', () => {
  assert.ok(built)
  const words = openWords(built)
  assert.match(words.type('io.k8s.api.core.v1.PodSpec')!, /description of a pod/)
  assert.match(words.field('io.k8s.api.core.v1.PodSpec', 'dnsPolicy')!, /Defaults to "ClusterFirst"/)
  assert.match(words.field('io.k8s.api.core.v1.PodSpec', 'containers')!, /at least one container/)
  assert.match(words.type('io.k8s.api.rbac.v1.Subject')!, /role binding/i)
  assert.notEqual(words.type('io.k8s.api.rbac.v1.Subject'), words.type('io.k8s.api.flowcontrol.v1.Subject'))
  assert.match(words.field('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', 'labels')!, /key/i)
})

test('without them, and for what they do not know, the own words remain', () => {
  assert.equal(openWords(undefined).type('io.k8s.api.core.v1.PodList'), 'A list of objects of kind Pod.')
  assert.equal(openWords(built).type('com.example.Widget'), undefined)
  assert.equal(openWords(built).field('io.k8s.api.core.v1.PodSpec', 'constructor'), undefined)
})
