import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorMediaType, negotiate, type Offer } from './negotiate.ts'

const mediaTypes = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml']
const offer = (answer: Offer['answer'], builtin = true): Offer => ({
  mediaTypes,
  answer,
  builtin,
  typeName: '*core.Pod',
})
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'

test('the first form that can be had is chosen, the best liked first', () => {
  const chosen = (accept: string | undefined, answer: Offer['answer'] = 'object') => {
    const { mediaType, view, viewVersion } = negotiate(accept, offer(answer))
    return [mediaType.split('/')[1], view, ...(viewVersion ? [viewVersion] : [])]
  }
  assert.deepEqual(chosen(undefined), ['json', 'object'])
  assert.deepEqual(chosen('text/html, application/yaml;q=0.2, */*;q=0.1'), ['yaml', 'object'])
  assert.deepEqual(chosen(`${TABLE}, application/json`), ['json', 'Table'])
  assert.deepEqual(chosen('application/json;as=Table;v=v1beta1;g=meta.k8s.io'), ['json', 'Table', 'v1beta1'])
  assert.deepEqual(chosen('application/json;as=Table;v=v9;g=meta.k8s.io, application/yaml'), ['yaml', 'object'])
  const metadata = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
  assert.deepEqual(chosen(metadata), ['vnd.kubernetes.protobuf', 'PartialObjectMetadata'])
  assert.deepEqual(chosen('application/json;stream=watch', 'watch'), ['json', 'object'])
  assert.deepEqual(chosen('application/json;q=0'), ['json', 'object'])
})

test('what cannot be had is refused in the words of whoever notices', () => {
  const refused = (accept: string, wanted: Offer, message: string) =>
    assert.throws(() => negotiate(accept, wanted), { code: 406, message }, accept)
  const all = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
  const streams = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
  refused('text/html', offer('object'), `406: Not Acceptable\n\nAvailable representations: ${all}`)
  refused('text/html', offer('list'), `406: Not Acceptable\n\nAvailable representations: ${all}, ${streams}`)
  refused('text/html', offer('object', false), `only the following media types are accepted: ${all}`)
  refused('application/json;as=Table', offer('list'), `only the following media types are accepted: ${all}`)
  refused('application/json;v=v1', offer('object'), `only the following media types are accepted: ${all}`)
  refused(TABLE, offer('plain'), `only the following media types are accepted: ${all}`)
  refused('application/yaml', offer('watch'), `only the following media types are accepted: ${streams}`)
  refused(
    'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
    offer('list'),
    `only the following media types are accepted: ${all}`,
  )
  refused(
    'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    offer('list'),
    'you requested PartialObjectMetadata, but the requested object is a list (*core.Pod)',
  )
  refused(
    'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    offer('object'),
    'you requested PartialObjectMetadataList, but the requested object is not a list (*core.Pod)',
  )
})

test('errors come in the form that was asked for where it can tell them', () => {
  assert.equal(errorMediaType('application/yaml', mediaTypes), 'application/yaml')
  assert.equal(errorMediaType(`${TABLE}, application/yaml`, mediaTypes), 'application/yaml')
  assert.equal(errorMediaType('text/html', mediaTypes), 'application/json')
})
