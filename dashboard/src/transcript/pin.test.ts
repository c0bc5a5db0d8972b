import { expect, test } from 'vitest'
import { Pin } from './pin'

test('growth of the content never lets go of the end', () => {
  const pin = new Pin()
  pin.scrolled(500, 1000, 500)
  pin.scrolled(500, 9000, 500)
  expect(pin.held).toBe(true)
})

test('a reader who moves up lets go, and takes hold again at the end', () => {
  const pin = new Pin()
  pin.scrolled(1500, 2000, 500)
  pin.scrolled(1450, 2000, 500)
  expect(pin.held, 'a nudge near the end is no wish to leave it').toBe(true)
  pin.scrolled(1300, 2000, 500)
  expect(pin.held).toBe(false)
  pin.scrolled(1400, 2000, 500)
  expect(pin.held, 'on the way down').toBe(false)
  pin.scrolled(1494, 2000, 500)
  expect(pin.held).toBe(true)
})

test('what the list does itself is no move of the reader', () => {
  const pin = new Pin()
  pin.scrolled(1500, 2000, 500)
  pin.placed(1000)
  pin.scrolled(1000, 2000, 500)
  expect(pin.held).toBe(true)
})
