import type { Root, RootContent } from 'hast'

/** What a piece of code is, as far as it has a colour of its own. */
export type Scope = 'comment' | 'keyword' | 'name' | 'number' | 'string' | 'type' | 'added' | 'removed'

/** A piece of code in one colour. */
export type Token = readonly [text: string, scope?: Scope]

/** Code by its lines. */
export type Lines = readonly (readonly Token[])[]

const SCOPES: Record<string, Scope> = {
  comment: 'comment',
  doctag: 'comment',
  quote: 'comment',
  meta: 'type',
  keyword: 'keyword',
  'selector-tag': 'keyword',
  'template-tag': 'keyword',
  tag: 'type',
  literal: 'number',
  number: 'number',
  symbol: 'number',
  link: 'number',
  string: 'string',
  regexp: 'string',
  char: 'string',
  code: 'string',
  title: 'name',
  section: 'name',
  name: 'keyword',
  attr: 'name',
  attribute: 'name',
  property: 'name',
  'selector-class': 'name',
  'selector-id': 'name',
  type: 'type',
  built_in: 'type',
  class: 'type',
  variable: 'type',
  'template-variable': 'type',
  addition: 'added',
  deletion: 'removed',
}

/** Splits a tree of marked code into lines of pieces. What is within something has its own colour, if it has one. */
export function linesOf(root: Root): Lines {
  const lines: Token[][] = [[]]
  const add = (text: string, scope: Scope | undefined) => {
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) lines.push([])
      if (part !== '') lines.at(-1)?.push(scope ? [part, scope] : [part])
    }
  }
  const walk = (nodes: readonly RootContent[], scope: Scope | undefined) => {
    for (const node of nodes) {
      if (node.type === 'text') add(node.value, scope)
      else if (node.type === 'element') {
        const names = node.properties.className
        const name = Array.isArray(names) ? String(names[0]).replace(/^hljs-/, '') : ''
        walk(node.children, SCOPES[name] ?? scope)
      }
    }
  }
  walk(root.children, undefined)
  return lines
}
