// Every .txt file beside this one is a story; its first line says what it shows.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tellStory } from './story.ts'

for (const name of readdirSync(import.meta.dirname).sort()) {
  if (!name.endsWith('.txt')) continue
  const text = readFileSync(join(import.meta.dirname, name), 'utf8')
  test(text.split('\n')[0]!.replace(/^#\s*/, ''), () => tellStory(text))
}
