import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { directory } from '../files/queries'
import { askingAt, fitting } from './asking'
import type { SlashCommand } from './choices'

/** The most that is offered at once. */
const MOST = 40

/** Something that can stand where the caret is. */
export interface Suggestion {
  name: string
  title: string
  /** What comes in the place of what was written, and whether more is to be named after it. */
  text: string
  goesOn?: boolean
  run?: () => void
}

/** Where the files are that can be named. */
export interface Place {
  workspace: string
  /** The directory in it from which paths are told. */
  base: string
}

/** What is offered to somebody who writes, for the place of the caret. */
export function useSuggestions(props: {
  text: string
  caret: number
  place?: Place
  commands: readonly SlashCommand[]
}) {
  const { text, caret, place, commands } = props
  const asking = askingAt(text, caret)
  const key = asking && `${asking.kind} ${asking.from}`
  // What was closed stays so as long as the same is named.
  const [closed, setClosed] = useState<string>()
  const open = closed === key ? undefined : asking
  const wanted = open?.kind === 'file' && place !== undefined ? open.directory : undefined
  const files = useInfiniteQuery({
    ...directory(place?.workspace ?? '', [place?.base, wanted].filter(Boolean).join('/')),
    enabled: wanted !== undefined && !wanted.split('/').includes('..'),
    retry: false,
  })
  let all: Suggestion[] = []
  if (open?.kind === 'command') {
    all = fitting(commands, open.words).map(({ text = '', ...command }) => ({ ...command, text }))
  } else if (open?.kind === 'file' && place) {
    const entries = (files.data?.pages ?? [])
      .flatMap(page => page.items)
      .filter(({ name }) => name !== '.git')
    const inside = open.directory ? `${open.directory}/` : ''
    all = fitting(
      entries.map(({ name, kind }) => ({ name, title: '', kind })),
      open.name,
    ).map(({ name, kind }) => {
      const goesOn = kind === 'directory'
      return {
        name: goesOn ? `${name}/` : name,
        title: '',
        text: `@${inside}${name}${goesOn ? '/' : ' '}`,
        goesOn,
      }
    })
  }
  return {
    asking,
    suggestions: all.slice(0, MOST),
    close: () => setClosed(key),
  }
}
