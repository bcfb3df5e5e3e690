// Which writes of the status of a request are let through, and by which endpoint.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateSigningRequest } from './certificate-signing-request.ts'

const request = (conditions: [string, string?][], certificate?: string) =>
  ({
    metadata: { name: 'jane', uid: 'u' },
    spec: {},
    status: {
      conditions: conditions.map(([type, status = 'True']) => ({ type, status })),
      ...(certificate === undefined ? {} : { certificate: Buffer.from(certificate).toString('base64') }),
    },
  }) as unknown as CertificateSigningRequest

const approve = CertificateSigningRequest.validateSubresource!.approval!
const setStatus = CertificateSigningRequest.validateStatusUpdate!
const lines = (errors: { field: string; message: string }[]) => errors.map((e) => `${e.field}: ${e.message}`)
const none = request([])

test('only the approval endpoint decides, and a decision stays', () => {
  const approved = request([['Approved']])
  assert.deepEqual(approve(approved, none), [])
  assert.deepEqual(lines(setStatus(approved, none)), [
    'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
  ])
  assert.deepEqual(lines(approve(none, approved)), [
    'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
  ])
  assert.deepEqual(lines(approve(request([['Approved'], ['Denied']]), none)), [
    'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
  ])
  assert.deepEqual(lines(approve(request([['Approved', 'False']]), none)), [
    'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
  ])
  assert.deepEqual(lines(approve(request([['Mine'], ['Mine']]), none)), [
    'status.conditions[1].type: Duplicate value: "Mine"',
  ])
})

test('only the status endpoint issues, certificates and nothing else', () => {
  assert.deepEqual(lines(setStatus(request([], 'a'), none)), [
    'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
  ])
  const key = '-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n'
  assert.deepEqual(lines(setStatus(request([], key), none)), [
    'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"',
  ])
  assert.ok(
    lines(approve(request([], 'a'), none)).includes(
      'status.certificate: Forbidden: updates may not set certificate content',
    ),
  )
  assert.deepEqual(lines(setStatus(request([], ''), request([], 'a'))), [
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ])
})
