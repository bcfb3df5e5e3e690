import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choiceProblem, isChosen, NO_SETTINGS } from './plugin-choice.ts'
import { PLUGINS } from './plugins.ts'

test('the standard plug-ins run unless they are disabled, others when they are enabled', () => {
  const names = (settings = NO_SETTINGS) =>
    PLUGINS.filter(({ name, standing }) => isChosen(name, standing, settings)).map(({ name }) => name)
  assert.ok(names().includes('LimitRanger'))
  assert.ok(!names().includes('AlwaysPullImages'))
  const changed = names({ ...NO_SETTINGS, enabled: ['AlwaysPullImages'], disabled: ['LimitRanger'] })
  assert.ok(changed.includes('AlwaysPullImages'))
  assert.ok(!changed.includes('LimitRanger'))
})

test('names that do not exist, and names in both lists, are refused', () => {
  const problem = (enabled: string[], disabled: string[]) => choiceProblem(PLUGINS, { enabled, disabled })
  assert.equal(problem(['AlwaysPullImages', 'AlwaysAdmit'], ['LimitRanger']), undefined)
  assert.match(
    problem(['Magic'], [])!,
    /^--enable-admission-plugins: plug-in "Magic" is unknown; there are AlwaysAdmit, /,
  )
  assert.match(problem([], ['RBACEscalation'])!, /^--disable-admission-plugins: plug-in "RBACEscalation" is unknown/)
  assert.match(
    problem(['Priority'], ['Priority'])!,
    /^Priority in enable-admission-plugins and disable-admission-plugins/,
  )
})
