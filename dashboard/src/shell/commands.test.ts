import { expect, test } from 'vitest'
import { type Command, matching } from './commands'

const command = (title: string, group: Command['group'], detail?: string): Command => ({
  id: title,
  title,
  group,
  detail,
  run: () => {},
})

const ALL = [
  command('Missions', 'Pages'),
  command('Mend the build', 'Missions', 'claude-code · running'),
  command('New mission', 'Actions'),
  command('Cancel this mission', 'Here'),
]

test('what is on the screen goes before the rest', () => {
  expect(matching(ALL, '').map(({ title }) => title)).toEqual([
    'Cancel this mission',
    'New mission',
    'Mend the build',
    'Missions',
  ])
})

test('all words count, in titles and beside them, in any case', () => {
  expect(matching(ALL, 'CLAUDE build').map(({ title }) => title)).toEqual(['Mend the build'])
  expect(matching(ALL, 'claude cancel')).toEqual([])
})
