import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { Markdown } from './Markdown'

const html = (text: string) => renderToStaticMarkup(<Markdown text={text} />)

test('nothing that an agent writes becomes markup of its own', () => {
  const shown = html(
    '<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n<iframe src="//evil.example"></iframe> <b>x</b>',
  )
  for (const tag of ['<script', '<img', '<iframe', '<b>']) expect(shown).not.toContain(tag)
  expect(shown).toContain('&lt;script&gt;')
})

test('links lead out by http and mail only, and tell nothing of where they came from', () => {
  const shown = html(
    '[a](javascript:alert(1)) [b](data:text/html,x) [c](https://example.com) [d](/settings) [e](vbscript:x)',
  )
  expect([...shown.matchAll(/href="([^"]*)"/g)].map(match => match[1])).toEqual(['https://example.com'])
  expect(shown).toContain('rel="noreferrer noopener nofollow"')
})

test('an image is a link until somebody follows it', () => {
  const shown = html('![cat](https://evil.example/cat.png?secret=1)')
  expect(shown).not.toContain('<img')
  expect(shown).toContain('Image: cat')
})

test('text that grows is cut where nothing changes its meaning', () => {
  expect(html('one\n\ntw')).toContain('<p>one</p>')
})
